#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "service/dead_journal.hpp"
#include "service/dead_shelf.hpp"
#include "service/troubles.hpp"
#include "tidings/service/options.hpp"

namespace tidings::service {

/// Something to be written to a journal.
struct DeadJob {
  enum class Kind : std::uint8_t {
    letter,  ///< `task` is parked
    failed,  ///< `task`, which was driven again, failed
    closed,  ///< `place` is no longer parked
    note,    ///< `note`, as it is
  };
  Kind kind = Kind::letter;
  Source* source = nullptr;
  std::uint32_t partition = 0;
  std::uint64_t generation = 0;
  Task* task = nullptr;
  DeadPlace place;
  bool dropped = false;
  std::string request;
  std::shared_ptr<const Envelope> note;
};

/// Writes a handler's journal, on a thread that starts with the first: many entries in one publish, each partition's in
/// the order in which they came. So a storm of bad events takes no worker from the good ones. An entry that cannot be
/// written is tried again without an end; what is written of other partitions does not wait for it. Thread-safe.
class DeadWriter {
 public:
  /// A partition of a source.
  using Place = std::pair<const Source*, std::uint32_t>;
  struct Counted {
    std::atomic<std::uint64_t> parked = 0;
    std::atomic<std::uint64_t> redriven = 0;
  };

  /// `written` gets the tasks that are written, or dropped, since their partition has gone; without any lock.
  /// `origins`: the broker's names of the handler's topics.
  DeadWriter(Host& host, DeadTopic& topic, Shelf& shelf, std::string name, std::string group, const Backoff& retry,
             std::function<std::vector<std::string>()> origins, std::function<void(std::span<Task* const>)> written);
  ~DeadWriter();
  DeadWriter(const DeadWriter&) = delete;
  DeadWriter& operator=(const DeadWriter&) = delete;

  void add(DeadJob job);
  /// Waits until no more than so many entries of these are not written yet, at most so long. Whether it is so.
  bool wait_until_few(std::span<const Place> of, std::size_t most, Duration wait_max);
  /// Waits until all of these that was added before is written, at most so long. Whether it is.
  bool flush(std::span<const Place> of, Duration wait_max);
  /// Whether the last try to write of it failed, and something waits for the next.
  [[nodiscard]] bool is_in_trouble(const Place& place) const;
  /// Writes what is there, gives up at the first trouble, and ends. Whether that was by `until` (real time).
  bool end(SteadyTime until);
  [[nodiscard]] const Counted& counted() const { return counted_; }

 private:
  struct Batch;
  struct Queue {
    std::deque<DeadJob> jobs;
    std::uint64_t added = 0;
    std::uint64_t finished = 0;
    std::size_t most = 0;     // at once; 0: as many as may be
    int failures = 0;         // in a row
    SteadyTime not_before{};  // real time
  };

  void loop();
  Queue* next(SteadyTime now, SteadyTime& again);
  void failed(Queue& queue, std::vector<DeadJob> jobs, const Error& why);
  static std::vector<DeadJob> take(Queue& queue);
  Result<> write(std::vector<DeadJob>& jobs);
  void drop_lost(std::vector<DeadJob>& jobs);
  Result<> fill(Batch& batch, const std::vector<DeadJob>& jobs);
  void finish(Batch& batch, const std::vector<DeadJob>& jobs, std::span<const Published> places);
  void tell(const DeadJob& job) const;
  static void put_behind(Queue& queue, DeadJob job);
  void trouble(const Error& why);

  Host& host_;
  DeadTopic& topic_;
  Shelf& shelf_;
  const std::string name_;
  const std::string group_;
  const Backoff retry_;
  const std::function<std::vector<std::string>()> origins_;
  const std::function<void(std::span<Task* const>)> written_;
  Troubles troubles_;
  Counted counted_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable rested_;
  std::map<Place, Queue> queues_;
  Place last_{};  // whose turn it was
  bool ending_ = false;
  bool ended_ = true;
  std::thread thread_;
};

}  // namespace tidings::service
