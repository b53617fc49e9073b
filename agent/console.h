// Console: what commands say. Whole texts, whoever made the descriptors non-blocking, and nothing in them that a
// terminal would act on.
//
// Main thread, in commands and before the log is started: these wait as long as write(2) would.
#pragma once

#include <string_view>

#include "base/error.h"

namespace tailrace {

// Opens /dev/null in the place of each of the descriptors 0, 1 and 2 that is closed: what is opened next would take its
// place and be written to. Returns whether stdout was there. The first thing that a process does.
bool hold_standard_descriptors();

// `text` to stdout as it is.
Status print(std::string_view text);
// `text` to stdout, and kExitDone; a line about why it cannot be written, and kExitFailed.
int print_or_fail(std::string_view text);

// One line to stderr: without secrets, made printable, the newline added.
void say(std::string_view line);
// say("tailrace: " + what), for a command that ends with it.
int fail(int exit_status, std::string_view what);

}  // namespace tailrace
