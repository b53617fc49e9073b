// Problems: what is wrong in the config's files, collected while the loader goes on.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/secrets.h"
#include "config/loader.h"

namespace tailrace {

// A place in one of the files that make up the config.
struct Place {
  std::size_t file = 0;  // as Problems::add_file numbered it
  int line = 1;
  int column = 1;
};

class Problems {
 public:
  std::size_t add_file(std::string name);
  const std::string& file_name(std::size_t file) const { return files_[file]; }
  std::string place_name(Place place) const;  // "FILE:LINE:COLUMN"

  void error(Place place, std::string text, std::string remedy);
  void warn(Place place, std::string text, std::string remedy);
  // No problem that is told later shows it.
  void hide(std::string secret) { secrets_.add(std::move(secret)); }
  const Secrets& secrets() const { return secrets_; }
  bool has_errors() const { return !errors_.empty(); }
  bool has_error_at(Place place) const;

  // In the order of files, lines, columns.
  std::vector<ConfigError> errors() const { return in_order(errors_); }
  std::vector<ConfigError> warnings() const { return in_order(warnings_); }

 private:
  struct Problem {
    Place place;
    std::string text;
    std::string remedy;
  };
  std::vector<ConfigError> in_order(const std::vector<Problem>& problems) const;

  std::vector<std::string> files_;
  std::vector<Problem> errors_;
  std::vector<Problem> warnings_;
  Secrets secrets_;
};

}  // namespace tailrace
