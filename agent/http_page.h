// HttpPage: the page at "/": tailers, their lag over the last minutes, the files that lag most. One document, nothing
// from outside; it asks /status.json again and again and keeps what it draws in the browser.
#pragma once

#include <string_view>

namespace tailrace {

std::string_view status_page();

}  // namespace tailrace
