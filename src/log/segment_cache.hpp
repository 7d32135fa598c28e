#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "log/background.hpp"
#include "log/segment.hpp"

namespace tidings::log {

/// Segments that somebody looked for a place in, kept mapped, of all partitions of an open log: the next look in them
/// opens nothing. Bounded: the one that was not asked for longest gives way. What is mapped keeps its room on the disk,
/// also when others removed it, so what nobody asks for goes by itself within two times `idle_max`. Thread-safe.
class SegmentCache {
 public:
  /// A log of 100 GiB has 1,600. A mapping takes no descriptor.
  static constexpr std::size_t segments_max = 2'048;
  static constexpr Duration idle_max = std::chrono::seconds{10};

  struct Bounds {
    std::size_t segments = segments_max;
    Duration idle = idle_max;
  };
  /// Without a background what is idle stays.
  explicit SegmentCache(std::shared_ptr<Background> background) : SegmentCache(std::move(background), Bounds{}) {}
  SegmentCache(std::shared_ptr<Background> background, const Bounds& bounds);
  ~SegmentCache();
  SegmentCache(const SegmentCache&) = delete;
  SegmentCache& operator=(const SegmentCache&) = delete;

  /// Null where it is not kept. `owner`: the partition.
  [[nodiscard]] std::shared_ptr<Segment> find(const void* owner, std::uint64_t first);
  /// In place of one of the same first offset.
  void keep(const void* owner, std::shared_ptr<Segment> segment);
  void forget(const void* owner, std::uint64_t first);
  /// Those that begin before `first`.
  void forget_before(const void* owner, std::uint64_t first);
  void forget_all(const void* owner);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Kept {
    std::pair<const void*, std::uint64_t> key;
    std::shared_ptr<Segment> segment;
    std::uint64_t round = 0;  // in which it was asked for last
  };
  using Place = std::list<Kept>::iterator;
  using Places = std::map<std::pair<const void*, std::uint64_t>, Place>;

  void forget(Places::iterator begin, Places::iterator end, std::list<Kept>& gone);
  void sweep();
  void sweep_later();

  const std::shared_ptr<Background> background_;
  const Bounds bounds_;
  const unsigned forks_;
  mutable std::mutex mutex_;
  std::list<Kept> kept_;  // the one asked for last first
  Places places_;
  std::uint64_t round_ = 0;
  bool is_swept_ = false;  // a sweep is to come
};

}  // namespace tidings::log
