#include "sinks/secret_files.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/secrets.h"
#include "config/file_secrets.h"
#include "config/text_file.h"

namespace tailrace {
namespace {

// A tenth of what a rotated password may take.
constexpr Duration kLookAgain = std::chrono::seconds(5);
constexpr std::array kFileProperties = {"ssl.ca.location", "ssl.certificate.location", "ssl.key.location",
                                        "ssl.keystore.location", "ssl.crl.location"};

bool is_file_property(std::string_view property) {
  return std::find(kFileProperties.begin(), kFileProperties.end(), property) != kFileProperties.end();
}

bool has_files(const SinkConfig& config) {
  return std::any_of(config.librdkafka.begin(), config.librdkafka.end(),
                     [](const auto& each) { return is_file_property(each.first); });
}

// 0 for a folder, and for what cannot be read: only a difference counts.
std::uint64_t hash_files(const SinkConfig& config) {
  std::uint64_t all = 0;
  for (const auto& [property, value] : config.librdkafka) {
    if (!is_file_property(property)) continue;
    const Result<std::string> text = read_text_file(value);
    const std::uint64_t one = text ? XXH3_64bits(text->data(), text->size()) : 0;
    all = all * 31 + one;
  }
  return all;
}

bool is_password_login(const SinkConfig& config) {
  return std::any_of(config.librdkafka.begin(), config.librdkafka.end(), [](const auto& each) {
    const auto& [property, value] = each;
    return property.starts_with("sasl.mechanism") && (value == "PLAIN" || value.starts_with("SCRAM"));
  });
}

void compare(const SinkConfig& config, NewSecrets& found) {
  for (std::size_t i = 0; i < config.librdkafka.size(); ++i) {
    const std::string& property = config.librdkafka[i].first;
    if (config.librdkafka[i].second == found.librdkafka[i].second) continue;
    found.names += (found.names.empty() ? "" : ", ") + property;
    const bool is_taken_running = property == "sasl.username" || property == "sasl.password";
    found.needs_client = found.needs_client || !is_taken_running || !is_password_login(config);
  }
}

Result<NewSecrets> read(const SinkConfig& config, bool have_files_changed,
                        const SecretFiles::TrySettings& try_settings) {
  Result<FileSecretValues> values = read_file_secrets(config, Environment::of_process());
  if (!values) return std::move(values).error();
  hide_as_well(values->secrets);  // before anybody can name them
  NewSecrets found;
  found.librdkafka = std::move(values->librdkafka);
  compare(config, found);
  if (have_files_changed) {
    found.needs_client = true;
    found.names += std::string(found.names.empty() ? "" : ", ") + "certificate files";
  }
  if (!found.needs_client || !try_settings) return found;
  // Half of a rotation, a key without its certificate: the old client stays until both are there.
  SinkConfig with = config;
  with.librdkafka = found.librdkafka;
  if (Status tried = try_settings(with); !tried) return std::move(tried).error();
  return found;
}

}  // namespace

SecretFiles::SecretFiles(const SinkConfig& config, WorkerPool& workers, std::shared_ptr<EventFd> wake,
                         TrySettings try_settings)
    : workers_(workers),
      wake_(std::move(wake)),
      try_settings_(std::move(try_settings)),
      has_sources_(!config.file_secrets.empty() || has_files(config)) {
  if (has_files(config)) submit(config, true);
}

void SecretFiles::look(const SinkConfig& config, bool is_refused, Instant now) {
  if (!has_sources_) return;
  if (is_refused && !std::exchange(is_refused_, true)) look_at_ = now;
  if (!is_refused) {
    is_refused_ = false;
    look_at_ = kNever;
  }
  if (now < look_at_) return;
  if (!job_) submit(config, false);
  look_at_ = now + kLookAgain;
}

void SecretFiles::submit(const SinkConfig& config, bool is_first) {
  job_ = std::make_shared<Job>();
  job_->files_before = files_;
  workers_.submit(
      work_,
      [job = job_, config, is_first, try_settings = try_settings_] {
        job->files = hash_files(config);
        if (!is_first) job->found = read(config, job->files != job->files_before, try_settings);
      },
      [this](Instant) {
        job_->is_done = true;
        wake_->signal();
      });
}

std::optional<Result<NewSecrets>> SecretFiles::take() {
  if (!job_ || !job_->is_done) return std::nullopt;
  const std::shared_ptr<Job> job = std::exchange(job_, nullptr);
  if (!job->found) return Result<NewSecrets>(job->found.error());
  files_ = job->files;
  if (job->found->names.empty()) return std::nullopt;
  return std::move(job->found);
}

}  // namespace tailrace
