#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "service/dead_book.hpp"
#include "service/source.hpp"
#include "service/task.hpp"

namespace tidings::service {

/// The books of the partitions that a handler holds in this process, one for each hold. What they hold is under
/// `mutex`.
class Shelf {
 public:
  struct Held {
    Book book;
    std::uint64_t generation = 0;
    bool is_announced = false;  // the journal has the `DeadTaken` of this hold
    std::string request;        // that runs now
    bool winds_up = false;      // nothing more is driven again here
  };

  std::mutex mutex;

  /// Null where this hold is over.
  [[nodiscard]] Held* find(const Source& source, std::uint32_t partition, std::uint64_t generation) {
    const auto found = held_.find({source.index, partition});
    return found == held_.end() || found->second->generation != generation ? nullptr : found->second.get();
  }
  /// Of whatever hold.
  [[nodiscard]] Held* find(const Source& source, std::uint32_t partition) {
    const auto found = held_.find({source.index, partition});
    return found == held_.end() ? nullptr : found->second.get();
  }
  void put(const Source& source, std::uint32_t partition, std::unique_ptr<Held> held) {
    held_[{source.index, partition}] = std::move(held);
    recount();
  }
  void forget(const Source& source, std::uint32_t partition, std::uint64_t generation) {
    if (find(source, partition, generation) != nullptr) held_.erase({source.index, partition});
    recount();
  }

  /// After a change: whether anything is parked. It is read without the mutex, by those who come to a key after the
  /// one who parked of it, under the mutex of the lanes.
  void recount() {
    std::size_t remembered = 0;
    for (const auto& [place, held] : held_) remembered += held->book.remembered();
    remembered_.store(remembered, std::memory_order_relaxed);
  }
  void add_remembered(std::size_t before, std::size_t after) {
    remembered_.fetch_add(after - before, std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t remembered() const { return remembered_.load(std::memory_order_relaxed); }

 private:
  std::map<std::pair<std::size_t, std::uint32_t>, std::unique_ptr<Held>> held_;
  std::atomic<std::size_t> remembered_ = 0;
};

/// How a task's event is named in a journal.
[[nodiscard]] DeadPlace place_of(const Task& task);

}  // namespace tidings::service
