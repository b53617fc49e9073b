#include "config/substitution.h"

#include <algorithm>

#include "config/keys.h"
#include "config/text_file.h"

namespace tailrace {
namespace {

Error bad(std::string text) { return Error(ErrorKind::bad_input, std::move(text)); }

bool is_variable_name(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && is_letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

// The whole file without the newline that editors and `echo` put at its end.
Result<std::string> file_value(std::string_view path, const std::string& folder) {
  std::string name(path);
  if (name.empty()) return bad("${file:} names no file");
  if (name[0] != '/') name = folder + "/" + name;
  Result<std::string> text = read_text_file(name);
  if (!text) return Error(ErrorKind::io, fmt::format("cannot read ${{file:{}}}: {}", path, text.error().text()));
  if (text->ends_with('\n')) text->pop_back();
  if (text->ends_with('\r')) text->pop_back();
  return text;
}

Result<std::string> variable_value(std::string_view inside, const Environment& environment) {
  const std::size_t colon = inside.find(":-");
  const std::string name(inside.substr(0, colon));
  if (!is_variable_name(name)) return bad(fmt::format("${{{}}} is no variable's name", inside));
  std::optional<std::string> value = environment.variable(name);
  // As in a shell, :- also stands in for a variable that is set and empty.
  if (colon != std::string_view::npos && (!value || value->empty())) return std::string(inside.substr(colon + 2));
  if (!value && name == "HOSTNAME") return environment.host_name;
  if (!value) return Error(ErrorKind::not_found, fmt::format("the environment variable {} is not set", name));
  return *std::move(value);
}

std::string remedy_for(ErrorKind kind) {
  if (kind == ErrorKind::not_found) return "set it, or write ${NAME:-default}";
  if (kind == ErrorKind::io) return "make the file readable, or correct its path";
  return "correct it";
}

}  // namespace

Result<Substituted> substitute(std::string_view text, const Environment& environment, const std::string& folder) {
  constexpr std::string_view kFile = "file:";
  Substituted out;
  for (std::size_t i = 0; i < text.size();) {
    if (text.substr(i, 3) == "$${") {
      out.text += "${";
      i += 3;
      continue;
    }
    if (text.substr(i, 2) != "${") {
      out.text += text[i++];
      continue;
    }
    const std::size_t end = text.find('}', i);
    if (end == std::string_view::npos) return bad("${ has no closing } ($${ is a literal one)");
    const std::string_view inside = text.substr(i + 2, end - i - 2);
    const bool from_file = inside.starts_with(kFile);
    Result<std::string> value =
        from_file ? file_value(inside.substr(kFile.size()), folder) : variable_value(inside, environment);
    if (!value) return std::move(value).error();
    out.text += *value;
    out.any = true;
    out.secret = out.secret || from_file;
    if (from_file) out.secrets.push_back(*value);
    i = end + 1;
  }
  return out;
}

void substitute_all(Node& node, const Environment& environment, const std::string& folder, Problems& problems) {
  for (Node& child : node.children) substitute_all(child, environment, folder, problems);
  if (node.kind != Node::Kind::string) return;
  Result<Substituted> result = substitute(node.text, environment, folder);
  if (!result) {
    problems.error(node.place, result.error().text(), remedy_for(result.error().kind()));
    node.has_failed = true;
    return;
  }
  if (result->secret) {
    node.written = std::move(node.text);
    node.folder = folder;
  }
  node.text = std::move(result->text);
  node.is_substituted = result->any;
  node.is_secret = result->secret;
  for (std::string& secret : result->secrets) problems.hide(std::move(secret));
  if (is_secret_name(node.key)) problems.hide(node.text);
}

}  // namespace tailrace
