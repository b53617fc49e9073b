#include "base/secrets.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

namespace tailrace {
namespace {

constexpr std::size_t kShortest = 4;
constexpr std::string_view kHidden = "***";
constexpr std::size_t kAddedMax = 100;

// Never destroyed: threads may log until the process is gone.
struct Current {
  std::mutex mutex;
  Secrets first;
  std::deque<std::string> added;                                               // the newest last
  std::shared_ptr<const Secrets> secrets = std::make_shared<const Secrets>();  // both

  void put_together() {
    Secrets all = first;
    for (const std::string& text : added) all.add(text);
    secrets = std::make_shared<const Secrets>(std::move(all));
  }
};
Current& current() {
  static auto* const only = new Current;
  return *only;
}

}  // namespace

void Secrets::add(std::string text) {
  if (text.size() < kShortest) return;
  const auto is_longer = [](const std::string& a, const std::string& b) { return a.size() > b.size(); };
  texts_.insert(std::upper_bound(texts_.begin(), texts_.end(), text, is_longer), std::move(text));
}

std::string Secrets::hide(std::string text) const {
  for (const std::string& secret : texts_) {
    for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += kHidden.size())
      text.replace(at, secret.size(), kHidden);
  }
  return text;
}

void hide_from_now_on(Secrets secrets) {
  const std::lock_guard lock(current().mutex);
  current().first = std::move(secrets);
  current().put_together();
}

void hide_as_well(const std::vector<std::string>& texts) {
  const std::lock_guard lock(current().mutex);
  std::deque<std::string>& added = current().added;
  for (const std::string& text : texts) {
    std::erase(added, text);
    added.push_back(text);
    if (added.size() > kAddedMax) added.pop_front();
  }
  current().put_together();
}

std::string without_secrets(std::string text) {
  std::shared_ptr<const Secrets> secrets;
  {
    const std::lock_guard lock(current().mutex);
    secrets = current().secrets;
  }
  return secrets->hide(std::move(text));
}

}  // namespace tailrace
