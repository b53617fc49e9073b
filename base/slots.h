// Slots: what is under way, by the token that was handed out for it. A token is used again once it came back.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"

namespace tailrace {

template <class T>
class Slots {
 public:
  std::uint64_t put(T thing) {
    if (free_.empty()) {
      slots_.emplace_back(std::move(thing));
      return slots_.size() - 1;
    }
    const std::uint64_t token = free_.back();
    free_.pop_back();
    slots_[token] = std::move(thing);
    return token;
  }

  // Stays where it is until it is taken.
  T& operator[](std::uint64_t token) {
    TR_ASSERT(token < slots_.size() && slots_[token], "nothing has the token {}", token);
    return *slots_[token];
  }

  T take(std::uint64_t token) {
    T thing = std::move((*this)[token]);
    slots_[token].reset();
    free_.push_back(token);
    return thing;
  }

  std::size_t size() const { return slots_.size() - free_.size(); }

  template <class Visit>
  void for_each(const Visit& visit) {
    for (std::optional<T>& slot : slots_) {
      if (slot) visit(*slot);
    }
  }

 private:
  std::deque<std::optional<T>> slots_;
  std::vector<std::uint64_t> free_;
};

}  // namespace tailrace
