#include "config/template.h"

#include <algorithm>
#include <optional>

#include "config/suggest.h"

namespace tailrace {
namespace {

constexpr std::size_t kTopicBytesMax = 249;  // Kafka's own limit: the directory "TOPIC-PARTITION" must fit a file name

Error bad(std::string text) { return Error(ErrorKind::bad_input, std::move(text)); }

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// /pods/NAMESPACE_POD_UID/CONTAINER/0.log
PodName from_pods_directory(std::string_view rest) {
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return {};
  const std::string_view directory = rest.substr(0, slash);
  const std::string_view below = rest.substr(slash + 1);
  const std::size_t end = below.find('/');
  const std::size_t first = directory.find('_');
  const std::size_t last = directory.rfind('_');
  if (end == std::string_view::npos || first == std::string_view::npos || first == last) return {};
  return {directory.substr(0, first), directory.substr(first + 1, last - first - 1), below.substr(0, end)};
}

// /containers/POD_NAMESPACE_CONTAINER-ID.log
PodName from_containers_directory(std::string_view name) {
  const std::size_t first = name.find('_');
  const std::size_t second = first == std::string_view::npos ? first : name.find('_', first + 1);
  const std::size_t dash = name.rfind('-');
  if (second == std::string_view::npos || dash == std::string_view::npos || dash < second) return {};
  return {name.substr(first + 1, second - first - 1), name.substr(0, first),
          name.substr(second + 1, dash - second - 1)};
}

}  // namespace

PodName pod_of_path(std::string_view path) {
  constexpr std::string_view kPods = "/pods/";
  constexpr std::string_view kContainers = "/containers/";
  if (const std::size_t at = path.rfind(kContainers); at != std::string_view::npos) {
    const std::string_view rest = path.substr(at + kContainers.size());
    const PodName name = rest.find('/') == std::string_view::npos ? from_containers_directory(rest) : PodName{};
    if (!name.pod.empty()) return name;  // else it may be a pod's container of that name
  }
  if (const std::size_t at = path.find(kPods); at != std::string_view::npos)
    return from_pods_directory(path.substr(at + kPods.size()));
  return {};
}

Result<Template::Part> Template::parse_variable(std::string_view name) {
  struct Known {
    std::string_view name;
    Variable variable;
  };
  static constexpr Known kKnown[] = {{"tailer", Variable::tailer},
                                     {"host", Variable::host},
                                     {"file.name", Variable::file_name},
                                     {"file.path", Variable::file_path},
                                     {"k8s.namespace", Variable::namespace_},
                                     {"k8s.pod", Variable::pod},
                                     {"k8s.container", Variable::container}};
  constexpr std::string_view kLabel = "label.";
  if (name.starts_with(kLabel) && name.size() > kLabel.size())
    return Part{Variable::label, std::string(name.substr(kLabel.size()))};
  std::vector<std::string> names = {"label.NAME"};
  for (const Known& known : kKnown) {
    if (known.name == name) return Part{known.variable, {}};
    names.emplace_back(known.name);
  }
  return bad(fmt::format("has the unknown variable {{{}}} (the nearest is {{{}}})", name, nearest(name, names).word));
}

Result<Template> Template::parse(std::string_view text) {
  Template result;
  std::string literal;
  const auto flush = [&] {
    if (!literal.empty()) result.parts_.push_back({Variable::literal, std::move(literal)});
    literal.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool doubled = i + 1 < text.size() && text[i + 1] == c;
    if (c != '{' && c != '}') {
      literal += c;
    } else if (doubled) {
      literal += c;
      ++i;
    } else if (c == '}') {
      return bad("has a } without its { (}} is a literal one)");
    } else {
      const std::size_t end = text.find_first_of("{}", i + 1);
      if (end == std::string_view::npos || text[end] == '{') return bad("has a { without its } ({{ is a literal one)");
      Result<Part> part = parse_variable(text.substr(i + 1, end - i - 1));
      if (!part) return std::move(part).error();
      flush();
      result.parts_.push_back(*std::move(part));
      i = end;
    }
  }
  flush();
  return result;
}

std::string Template::expand(const TemplateInputs& inputs) const {
  std::string out;
  std::optional<PodName> pod;  // looked for once, and only where it is named
  const auto pod_part = [&](std::string_view PodName::* part) {
    if (!pod) pod = pod_of_path(inputs.path);
    return (*pod).*part;
  };
  for (const Part& part : parts_) {
    switch (part.variable) {
      case Variable::literal:
        out += part.text;
        break;
      case Variable::tailer:
        out += inputs.tailer;
        break;
      case Variable::host:
        out += inputs.host;
        break;
      case Variable::file_name:
        out += file_name(inputs.path);
        break;
      case Variable::file_path:
        out += inputs.path;
        break;
      case Variable::namespace_:
        out += pod_part(&PodName::pod_namespace);
        break;
      case Variable::pod:
        out += pod_part(&PodName::pod);
        break;
      case Variable::container:
        out += pod_part(&PodName::container);
        break;
      case Variable::label:
        if (inputs.labels == nullptr) break;
        if (const auto label = inputs.labels->find(part.text); label != inputs.labels->end()) out += label->second;
        break;
    }
  }
  return out;
}

bool Template::is_constant() const {
  return std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.variable == Variable::literal; });
}

bool Template::uses_path_itself() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.variable == Variable::file_path; });
}

std::vector<std::string> Template::labels() const {
  std::vector<std::string> names;
  for (const Part& part : parts_) {
    if (part.variable == Variable::label) names.push_back(part.text);
  }
  return names;
}

std::string topic_name(std::string_view text) {
  if (text.empty()) return "_";
  if (text == "." || text == "..") return std::string(text.size(), '_');
  std::string name(text.substr(0, kTopicBytesMax));
  for (char& c : name) {
    const bool allowed =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (!allowed) c = '_';
  }
  return name;
}

}  // namespace tailrace
