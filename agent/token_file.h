// TokenFile: the bearer token of the HTTP server out of http.token_file.
#pragma once

#include <string>

#include "base/error.h"
#include "base/file_system.h"

namespace tailrace {

// The file's content without the blanks and line ends around it; "" for no file ("" as `path`). Errors: what the system
// says; bad_input for a file that holds no token or more than one line.
Result<std::string> read_token(FileSystem& files, const std::string& path);

}  // namespace tailrace
