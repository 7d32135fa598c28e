#pragma once

#include <atomic>
#include <cstdint>

#include "log/futex.hpp"
#include "tidings/base/file_system.hpp"

namespace tidings::log {

/// A topic's `control` file: one word that moves whenever any partition has something new, so that a reader of many
/// partitions waits on one.
class TopicWake {
 public:
  static constexpr std::uint64_t file_bytes = 4096;

  explicit TopicWake(Mapping mapping) : mapping_(std::move(mapping)) {}

  /// What to hand to `wait`; taken before looking for news, so that none is missed between looking and waiting.
  [[nodiscard]] std::uint32_t ticket() const { return words().news.load(std::memory_order_seq_cst); }

  void announce() {
    words().news.fetch_add(1, std::memory_order_seq_cst);
    if (words().waiters.load(std::memory_order_seq_cst) != 0) futex_wake_all(words().news);
  }

  /// Returns when something was announced since `ticket`, or after `wait_max`.
  void wait(std::uint32_t ticket, Duration wait_max) {
    // A waiter that is killed here stays counted: that costs its topic a system call an announcement, nothing else.
    words().waiters.fetch_add(1, std::memory_order_seq_cst);
    futex_wait(words().news, ticket, wait_max);
    words().waiters.fetch_sub(1, std::memory_order_seq_cst);
  }

 private:
  struct Words {
    std::atomic<std::uint32_t> news;
    std::atomic<std::uint32_t> waiters;
  };
  [[nodiscard]] Words& words() const { return *reinterpret_cast<Words*>(mapping_.data()); }

  Mapping mapping_;
};

}  // namespace tidings::log
