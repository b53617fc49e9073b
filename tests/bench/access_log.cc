#include "tests/bench/access_log.h"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <iterator>
#include <string_view>

namespace tailrace {
namespace {

// splitmix64: a number that looks random, out of a number that does not.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

constexpr std::array<std::string_view, 8> kMethods = {"GET", "GET", "GET", "GET", "GET", "POST", "PUT", "DELETE"};
constexpr std::array<std::string_view, 8> kStatuses = {"200", "200", "200", "200", "304", "404", "301", "500"};
constexpr std::array<std::string_view, 8> kPaths = {
    "/api/v1/users",    "/api/v1/orders", "/static/app.js",     "/static/css/site.css",
    "/images/logo.png", "/search",        "/api/v2/cart/items", "/login"};
constexpr std::array<std::string_view, 4> kReferrers = {"https://shop.example.com/", "https://www.example.org/news",
                                                        "-", "https://example.net/offers/today"};
constexpr std::array<std::string_view, 4> kBrowsers = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0.0.0",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/126.0.0.0 Mobile"};

void append_line(std::string& out, std::uint64_t number, std::uint64_t seed) {
  const std::uint64_t a = mix(seed ^ mix(number));
  const std::uint64_t b = mix(a);
  const std::uint64_t second = number / 2000;  // a busy server: 2,000 requests a second
  fmt::format_to(std::back_inserter(out),
                 "10.{}.{}.{} - - [{:02}/Nov/2026:{:02}:{:02}:{:02} +0000] \"{} {}/{}?s={:06x} HTTP/1.1\" {} {} "
                 "\"{}\" \"{}\" rt=0.{:03} seq={}\n",
                 a & 63, (a >> 8) & 255, (a >> 16) & 255, 1 + second / 86400 % 28, second / 3600 % 24, second / 60 % 60,
                 second % 60, kMethods[(a >> 24) & 7], kPaths[(a >> 27) & 7], (a >> 30) & 0xffff, b & 0xffffff,
                 kStatuses[(a >> 46) & 7], 200 + ((b >> 32) & 0x7fff), kReferrers[(a >> 49) & 3],
                 kBrowsers[(a >> 51) & 3], (a >> 53) % 1000, number);
}

}  // namespace

void append_access_lines(std::string& out, std::uint64_t first_line, std::uint64_t lines, std::uint64_t seed) {
  for (std::uint64_t i = 0; i < lines; ++i) append_line(out, first_line + i, seed);
}

std::uint64_t write_access_log(const std::string& path, std::uint64_t bytes, std::uint64_t seed,
                               std::uint64_t first_line) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return 0;
  std::string block;
  std::uint64_t written = 0;
  std::uint64_t lines = 0;
  bool is_whole = false;
  bool failed = false;
  while (!is_whole && !failed) {
    block.clear();
    while (block.size() < 1024 * 1024 && !is_whole) {
      const std::size_t before = block.size();
      append_line(block, first_line + lines, seed);
      is_whole = written + block.size() > bytes;
      if (is_whole)
        block.resize(before);
      else
        ++lines;
    }
    failed = std::fwrite(block.data(), 1, block.size(), file) != block.size();
    written += block.size();
  }
  failed = std::fclose(file) != 0 || failed;
  return failed ? 0 : lines;
}

}  // namespace tailrace
