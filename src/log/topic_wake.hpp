#pragma once

#include <atomic>
#include <climits>
#include <cstdint>
#include <span>
#include <string_view>

#include "log/crc32c.hpp"
#include "log/futex.hpp"
#include "tidings/base/file_system.hpp"

namespace tidings::log {

/// A topic's `control` file: one word that moves whenever any partition has something new and somebody waits for that,
/// so that a reader of many partitions waits on one, and a writer that nobody waits for only looks.
class TopicWake {
  static constexpr std::uint32_t group_words = 64;
  struct Words {
    std::atomic<std::uint32_t> news;
    std::atomic<std::uint32_t> waiters;
    std::atomic<std::uint32_t> deleted;  // 1: the topic was, and what has this open has nothing
    std::atomic<std::uint32_t> changes[group_words];
    std::atomic<std::uint32_t> keepings;  // how often the topic's retention was changed
  };

 public:
  static constexpr std::uint64_t file_bytes = 4096;

  explicit TopicWake(Mapping mapping) : mapping_(std::move(mapping)) {}

  /// Call it behind a full barrier after what is new: the release of a lock, an exchange.
  void announce(std::uint32_t bits = UINT32_MAX) {
    if (words().waiters.load(std::memory_order_seq_cst) == 0) return;
    words().news.fetch_add(1, std::memory_order_seq_cst);
    futex_wake(words().news, INT_MAX, bits);
  }

  /// What the members of one group tell each other: that one came or went, or gave a partition up, so that they look.
  /// Groups may share a word, and a bit by which their members sleep: then some look for nothing.
  struct Group {
    explicit Group(std::string_view name) : number(crc32c(std::as_bytes(std::span{name})) % group_words) {}
    [[nodiscard]] std::uint32_t bit() const { return std::uint32_t{1} << number % 32; }
    std::uint32_t number;
  };
  /// Moves with each change.
  [[nodiscard]] std::uint32_t changes(Group group) const {
    return words().changes[group.number].load(std::memory_order_seq_cst);
  }
  void announce_change(Group group) {
    words().changes[group.number].fetch_add(1, std::memory_order_seq_cst);
    announce(group.bit());
  }

  [[nodiscard]] bool has_waiters() const { return words().waiters.load(std::memory_order_relaxed) != 0; }
  /// Those who were killed. Only while nobody else has a partition of the topic open.
  void forget_waiters() { words().waiters.store(0); }

  void tell_keeping() {
    words().keepings.fetch_add(1);
    announce();
  }
  [[nodiscard]] std::uint32_t keepings() const { return words().keepings.load(std::memory_order_relaxed); }

  void tell_deleted() { words().deleted.store(1); }
  [[nodiscard]] bool is_deleted() const { return words().deleted.load(std::memory_order_relaxed) != 0; }

  /// Somebody who waits: he looks for news after he has become one, and between `ticket` and `wait`, so that none is
  /// missed. One who is killed stays counted, until somebody opens the topic while nobody else has it open: that costs
  /// his topic a system call an announcement, nothing else.
  class Waiter {
   public:
    Waiter(TopicWake& wake, Group group) : words_(wake.words()), group_(group) {
      words_.waiters.fetch_add(1, std::memory_order_seq_cst);
    }
    ~Waiter() { words_.waiters.fetch_sub(1, std::memory_order_seq_cst); }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    [[nodiscard]] std::uint32_t ticket() const { return words_.news.load(std::memory_order_seq_cst); }
    /// Returns when something was announced since `ticket`, or after `wait_max`.
    void wait(std::uint32_t ticket, Duration wait_max) { futex_wait(words_.news, ticket, wait_max, group_.bit()); }

   private:
    Words& words_;
    const Group group_;
  };

 private:
  [[nodiscard]] Words& words() const { return *reinterpret_cast<Words*>(mapping_.data()); }

  Mapping mapping_;
};

}  // namespace tidings::log
