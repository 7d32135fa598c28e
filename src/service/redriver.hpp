#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "service/dead_journal.hpp"
#include "service/dead_shelf.hpp"
#include "service/dead_writer.hpp"

namespace tidings::service {

/// How long after a request it is looked for the first time which are over; tests change it.
inline std::atomic<Duration> forget_first{std::chrono::seconds{10}};

/// What driving dead letters again needs of the handler's lanes. Thread-safe.
class DrivingLanes {
 public:
  virtual ~DrivingLanes() = default;
  [[nodiscard]] virtual std::vector<Source*> sources() const = 0;
  [[nodiscard]] virtual std::shared_ptr<Consumer> consumer(const Source& source) const = 0;
  /// Adds them behind what their keys have already. `ordered` by their side: whether they block their keys.
  virtual void drive(Source& source, std::span<Delivery> events, std::span<const char> ordered) = 0;
  /// One past the last event that this hold has fetched.
  [[nodiscard]] virtual std::uint64_t fetched(const Source& source, std::uint32_t partition) const = 0;
  /// This hold of the partition is over: nothing that was fetched under it may begin any more.
  virtual void lose(Source& source, std::uint32_t partition, std::uint64_t generation) = 0;
  /// Tasks that are parked, or dropped, and no longer the writer's.
  virtual void put_aside(std::span<Task* const> tasks) = 0;
};

/// Carries out what is asked to be done with a handler's dead letters, in the partitions that this process holds, one
/// request after another: reads the journal, gives the lanes what is to be driven again, in its order, and writes down
/// how far it is. So another owner goes on where this one ended. Its thread starts with the first request, and sleeps
/// once nothing is left to do of any, here or elsewhere: all that ever was asked for comes with each start.
/// Thread-safe.
class Redriver {
 public:
  Redriver(Host& host, std::string name, std::string group, DeadTopic& topic, Shelf& shelf, DeadWriter& writer,
           DrivingLanes& lanes, std::size_t window);
  ~Redriver();
  Redriver(const Redriver&) = delete;
  Redriver& operator=(const Redriver&) = delete;

  void requested(const std::string& id, const DeadLetterRequest& request);
  /// A driven event is done with, or dropped.
  void returned();
  void begin_stop();
  /// Whether its thread has ended by `until` (real time).
  bool wait_ended(SteadyTime until);

  /// Reads what is parked of partitions whose holds are new, and puts the books on the shelf.
  Result<> take_over(Source& source, std::span<const std::uint32_t> partitions,
                     std::span<const std::uint64_t> generations);

 private:
  struct Asked {
    std::string id;
    DeadLetterRequest what;
  };
  struct Target;
  struct Run;

  void loop();
  bool pause(Duration wait);
  void look_for_partitions();
  void forget_what_is_over();
  std::vector<Target> targets_of(const Asked& asked);
  void run(const Asked& asked, std::vector<Target> targets);
  bool begin(Run& run);
  bool wait_for_what_comes_again(Run& run);
  bool keep(Run& run);
  bool has_read(const Run& run, bool to_end);
  Result<> scan(Run& run);
  void look_at(Run& run, std::span<const Delivery> entries);
  [[nodiscard]] bool is_finished(Run& run);
  void give_up_lost(Run& run);
  void end(Run& run, bool finished);
  void note(const Target& target, Envelope envelope);

  Host& host_;
  const std::string name_;
  const std::string group_;
  DeadTopic& topic_;
  Shelf& shelf_;
  DeadWriter& writer_;
  DrivingLanes& lanes_;
  const std::size_t window_;

  std::mutex taking_over_;  // so that two threads do not begin one hold
  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable ended_condition_;
  std::vector<Asked> asked_;
  std::size_t outstanding_ = 0;
  bool ended_ = true;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace tidings::service
