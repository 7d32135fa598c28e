#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>

#include "service/task.hpp"
#include "tidings/service/attempts.hpp"

namespace tidings::service {

/// Attempts that failed of events that are still in hand, for who asks: of each event the last eight, of 1,000 events
/// at most, those that failed last. Nothing that succeeds at once comes here. Thread-safe.
class FailedAttempts {
 public:
  static constexpr std::size_t events_max = 1'000, attempts_max = 8, reason_bytes_max = 256;

  void add(const Task& task, const Error& why, TimePoint now, std::optional<TimePoint> next);
  /// It is done with.
  void forget(const Task& task);
  /// With what has failed of it, where anything has.
  [[nodiscard]] AttemptsOfEvent of(const Source& source, Partition partition, std::uint64_t offset) const;

 private:
  using Place = std::tuple<const Source*, std::uint32_t, std::uint64_t>;
  static Place place_of(const Task& task);
  struct Entry {
    AttemptsOfEvent told;
    std::uint64_t order = 0;
  };
  mutable std::mutex mutex_;
  std::map<Place, Entry> entries_;
  std::map<std::uint64_t, Place> order_;  // the one that failed longest ago first
  std::uint64_t next_ = 0;
};

}  // namespace tidings::service
