#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "tidings/base/time.hpp"

namespace tidings {

/// What a partition remembers of the producers that publish to it under an id, for those who write a broker: who is
/// fenced, and what was there before.
///
/// It is a function of the events that were appended, in their order, so that all who know them have the same. A
/// producer's sequence goes up from event to event, with gaps as it likes, and over its epochs. Not thread-safe.
class ProducerTable {
 public:
  static constexpr std::size_t producers_max = 10'000;          ///< the one not heard of for longest gives way
  static constexpr Duration kept_for = std::chrono::hours{24};  ///< after a producer's last event, at least

  /// A producer's last event.
  struct Entry {
    std::uint64_t id = 0;
    std::uint64_t sequence = 0;
    std::uint64_t offset = 0;
    std::int64_t time = 0;    ///< appended, ns since 1970
    std::uint32_t epoch = 0;  ///< the highest that has written
    std::uint32_t run = 0;    ///< so many events before it have the sequences and the offsets before its own
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  /// Where an event stands that was there before.
  struct Place {
    std::uint64_t offset = 0;
    bool is_exact = true;  ///< else it stands before that
    friend bool operator==(const Place&, const Place&) = default;
  };
  struct Judgement {
    std::optional<std::uint32_t> fenced_by;  ///< a higher epoch, which has written: nothing may be appended
    std::vector<Place> duplicates;           ///< the first so many events were there before
    std::uint64_t end = 0;                   ///< all of those stand before that offset
  };
  /// Of events with these sequences, which ascend.
  [[nodiscard]] Judgement judge(std::uint64_t id, std::uint32_t epoch, std::span<const std::uint64_t> sequences) const;

  /// An event was appended.
  void note(std::uint64_t id, std::uint32_t epoch, std::uint64_t sequence, std::uint64_t offset, std::int64_t time);
  /// Producers whose last event was appended before `time` are forgotten.
  void forget_before(std::int64_t time);
  void clear();

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool is_empty() const { return entries_.empty(); }
  /// By the offsets of their last events.
  [[nodiscard]] std::vector<Entry> entries() const { return {entries_.begin(), entries_.end()}; }
  /// Takes what `entries` gave. False, and empty, where that cannot be.
  bool restore(std::span<const Entry> entries);

 private:
  std::list<Entry> entries_;  // by offset, so the one not heard of for longest comes first
  std::unordered_map<std::uint64_t, std::list<Entry>::iterator> by_id_;
};

}  // namespace tidings
