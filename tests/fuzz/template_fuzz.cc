// Templates for topics and keys: any text gives what plain replacement gives, or an error; whatever comes out is a
// topic name that Kafka takes; and the names of Kubernetes are found in the paths that they make.
//
//   input:   PATH \n TEMPLATE
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "config/template.h"
#include "tests/fuzz/fuzz_input.h"

namespace tailrace {
namespace {

const std::map<std::string, std::string> kLabels = {{"service", "check{out}"}, {"a.b", ""}};

std::map<std::string, std::string, std::less<>> values_of(std::string_view path) {
  const PodName pod = pod_of_path(path);
  return {{"tailer", "app"},
          {"host", "host-1"},
          {"file.name", std::string(path.substr(path.rfind('/') + 1))},
          {"file.path", std::string(path)},
          {"k8s.namespace", std::string(pod.pod_namespace)},
          {"k8s.pod", std::string(pod.pod)},
          {"k8s.container", std::string(pod.container)}};
}

std::optional<std::string> value_of(const std::string& name, std::string_view path) {
  constexpr std::string_view kLabel = "label.";
  if (name.find('{') != std::string::npos) return std::nullopt;
  if (name.starts_with(kLabel) && name.size() > kLabel.size()) {
    const auto label = kLabels.find(name.substr(kLabel.size()));
    return label == kLabels.end() ? "" : label->second;
  }
  const auto values = values_of(path);
  const auto value = values.find(name);
  return value == values.end() ? std::nullopt : std::optional(value->second);
}

// nullopt: no template.
std::optional<std::string> expand_plainly(std::string_view text, std::string_view path) {
  std::string out;
  while (!text.empty()) {
    const char c = text[0];
    const bool is_brace = c == '{' || c == '}';
    if (!is_brace || text.substr(0, 2) == std::string(2, c)) {
      out += c;
      text.remove_prefix(is_brace ? 2 : 1);
      continue;
    }
    const std::size_t close = text.find('}');
    if (c == '}' || close == std::string_view::npos) return std::nullopt;
    const std::optional<std::string> value = value_of(std::string(text.substr(1, close - 1)), path);
    if (!value) return std::nullopt;
    out += *value;
    text.remove_prefix(close + 1);
  }
  return out;
}

void check_topic(const std::string& text) {
  const std::string name = topic_name(text);
  constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  TR_ASSERT(!name.empty() && name.size() <= 249 && name != "." && name != "..", "topic \"{}\"", name);
  TR_ASSERT(name.find_first_not_of(kAllowed) == std::string::npos, "topic \"{}\"", name);
  TR_ASSERT(topic_name(name) == name, "a topic's own name is changed: \"{}\"", name);
}

void check_expansion(std::string_view text, std::string_view path) {
  const Result<Template> parsed = Template::parse(text);
  const std::optional<std::string> expected = expand_plainly(text, path);
  TR_ASSERT(static_cast<bool>(parsed) == expected.has_value(), "template \"{}\"", text);
  if (!parsed) return;
  const std::string out = parsed->expand({.tailer = "app", .host = "host-1", .path = path, .labels = &kLabels});
  TR_ASSERT(out == *expected, "template \"{}\": \"{}\", not \"{}\"", text, out, *expected);
  check_topic(out);
  for (const std::string& label : parsed->labels())
    TR_ASSERT(text.find("{label." + label + "}") != std::string_view::npos, "label \"{}\"", label);
  TR_ASSERT(!parsed->is_constant() || out == parsed->expand({}), "\"{}\" is not constant", text);
}

// Any text, its braces doubled, stands for itself.
void check_literal(std::string_view text) {
  std::string doubled;
  for (const char c : text) doubled.append(c == '{' || c == '}' ? 2 : 1, c);
  const Result<Template> parsed = Template::parse(doubled);
  TR_ASSERT(parsed && parsed->is_constant() && parsed->expand({}) == text, "literal \"{}\"", text);
}

// NAMESPACE_POD_UID/CONTAINER as the kubelet would name its directories after parts of `text`.
void check_pod(std::string_view text) {
  std::string names[3];
  for (std::size_t i = 0; i < 3; ++i) {
    std::string_view part = text.substr(std::min(text.size(), i * text.size() / 3), text.size() / 3);
    std::copy_if(part.begin(), part.end(), std::back_inserter(names[i]), [](char c) { return c != '/' && c != '_'; });
    if (names[i].empty()) return;
  }
  const auto& [space, pod, container] = names;
  for (const std::string& path :
       {"/var/log/pods/" + space + "_" + pod + "_0-1-2/" + container + "/0.log",
        "/var/log/containers/" + pod + "_" + space + "_" + container + "-0123456789abcdef.log"}) {
    const PodName found = pod_of_path(path);
    TR_ASSERT(found.pod_namespace == space && found.pod == pod && found.container == container, "path {}", path);
  }
}

}  // namespace
}  // namespace tailrace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tailrace::FuzzInput input(data, size);
  const std::string_view path = input.line();
  const std::string_view text = input.rest();
  tailrace::check_expansion(text, path);
  tailrace::check_literal(text);
  tailrace::check_topic(std::string(text));
  tailrace::check_pod(path);
  return 0;
}
