#include "tests/e2e/harness/line_recipe.h"

#include <algorithm>
#include <charconv>

namespace tailrace::e2e {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t kPayloadBytesMin = 4;  // enough to tell a damaged line from a good one

// The finalizer of SplitMix64: every bit of the result depends on every bit of `x`.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

void LineRecipe::append(std::uint64_t sequence, std::string& out) const {
  const std::size_t begin = out.size();
  out += writer;
  out += ' ';
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, sequence).ptr);
  out += ' ';
  std::uint64_t state = mix(seed ^ mix(sequence));
  const std::size_t wanted = bytes_min + state % (bytes_max - bytes_min + 1);
  const std::size_t prefix = out.size() - begin;
  std::size_t left = wanted > prefix + kPayloadBytesMin ? wanted - prefix : kPayloadBytesMin;
  while (left > 0) {
    state = mix(state);
    char block[10];  // of 6 bits each
    for (std::size_t i = 0; i < sizeof block; ++i) block[i] = kAlphabet[(state >> (6 * i)) & 63];
    const std::size_t now = std::min(left, sizeof block);
    out.append(block, now);
    left -= now;
  }
  out += '\n';
}

}  // namespace tailrace::e2e
