// Template: "logs-{tailer}-{label.service}", parsed once, expanded a source (contract, section 2, `topic` and `key`).
//
// Variables: {tailer} {host} {file.name} {file.path} {label.NAME} {k8s.namespace} {k8s.pod} {k8s.container}. `{{` and
// `}}` are literal braces. The k8s ones are read from the kubelet's path names and are empty for other paths.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tailrace {

// What a template may name. Views: valid as long as the caller's strings.
struct TemplateInputs {
  std::string_view tailer;
  std::string_view host;  // agent.name
  std::string_view path;  // absolute, as first seen
  const std::map<std::string, std::string>* labels = nullptr;
};

class Template {
 public:
  // bad_input: an unclosed or stray brace, an unknown variable (the nearest is named).
  static Result<Template> parse(std::string_view text);

  std::string expand(const TemplateInputs& inputs) const;  // a label that is not there is empty
  bool is_constant() const;                                // no variables: the same for every source
  std::vector<std::string> labels() const;                 // the NAMEs of its {label.NAME}
  bool uses_path_itself() const;                           // {file.path}: for keys and headers, not for topics

 private:
  enum class Variable : std::uint8_t { literal, tailer, host, label, file_name, file_path, namespace_, pod, container };
  struct Part {
    Variable variable = Variable::literal;
    std::string text;  // the literal, or the label's name
  };
  static Result<Part> parse_variable(std::string_view name);
  std::vector<Part> parts_;
};

// A name that Kafka takes: what it forbids (all but A-Z a-z 0-9 . _ -) becomes `_`, byte by byte; at most 249 bytes;
// "", "." and ".." become "_", "_" and "__".
std::string topic_name(std::string_view text);

// Of /var/log/pods/NAMESPACE_POD_UID/CONTAINER/N.log or /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log, wherever
// those directories are mounted; all empty for any other path.
struct PodName {
  std::string_view pod_namespace;
  std::string_view pod;
  std::string_view container;
};
PodName pod_of_path(std::string_view path);

}  // namespace tailrace
