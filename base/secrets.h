// Secrets: texts that are shown nowhere, and what is said without them.
//
// The places that know a secret quote it as *** themselves. This is for words that others make of it (a library's
// error, a path that was put together): whatever is said goes through `hide` before it leaves.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tailrace {

class Secrets {
 public:
  // What is shorter than 4 bytes would hide parts of ordinary words, and is not looked for.
  void add(std::string text);
  // `text` with *** in the place of each of them.
  std::string hide(std::string text) const;

 private:
  std::vector<std::string> texts_;  // the longest first: one may be a part of another
};

// For all that this process says from now on (agent/console, base/log, what HTTP tells of the brokers' words). Any
// thread.
void hide_from_now_on(Secrets secrets);
// These as well: values that were read anew while the process runs. The last hundred of them are kept.
void hide_as_well(const std::vector<std::string>& texts);
std::string without_secrets(std::string text);

}  // namespace tailrace
