#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "service/gate.hpp"
#include "service/host.hpp"
#include "service/lanes.hpp"
#include "service/measures.hpp"
#include "service/parking.hpp"
#include "service/settling.hpp"
#include "service/source.hpp"
#include "service/turns.hpp"
#include "tidings/service/attempts.hpp"
#include "tidings/service/detail/handler.hpp"
#include "tidings/service/options.hpp"

namespace tidings::service {

/// One handler at work: a thread for each of its topics fetches, a number of workers takes turns of the lanes, what is
/// done is settled in bulk. Deliveries are settled by the worker that finds nothing else to do, or when many have come
/// together, or by `flush`, so within milliseconds and without a thread of its own.
///
/// Thread-safe. Threads are started by `start`, and have ended when `wait_ended` says so.
class Handling final : private DrivingLanes {
 public:
  /// `wants_flush` is called when something waits to be settled while all workers are busy; some calls are under the
  /// handling's lock, so it must not call back.
  Handling(Host& host, std::string name, HandlerOptions options, std::unique_ptr<detail::Handler> handler,
           std::function<void()> wants_flush);
  ~Handling() override;
  Handling(const Handling&) = delete;
  Handling& operator=(const Handling&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& group() const { return group_; }
  [[nodiscard]] const HandlerOptions& options() const { return options_; }
  [[nodiscard]] const detail::Handler& handler() const { return *handler_; }

  /// Joins the group on every topic. Errors: the broker's.
  Result<> subscribe();
  void start();

  /// Who paused it; each of them has it go on again by itself.
  enum class Pauser : std::uint8_t { program, request };
  /// Begins nothing any more, until the other; what runs goes on, what was fetched waits. From any thread. `why` is for
  /// the log, where a request says so.
  void pause(bool paused, Pauser by, const std::string& why = {});
  /// The partitions of its group that are held here, as `orders/0`; nothing of one that has no group.
  [[nodiscard]] std::vector<std::string> held() const;
  /// Where it takes part in a group: its topics.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> group_topics() const;
  /// Why it may stand still, for people; empty where nothing is known.
  [[nodiscard]] std::string state() const;
  /// Looks after attempts that overrun their deadline; to be called often.
  void watch();
  /// Settles what is done with.
  void flush();
  /// Removes marks of its inbox that are kept no longer, a few at once; whether there are more.
  bool clean_up();
  /// Whether events that it has fetched wait for a worker.
  [[nodiscard]] bool has_waiting();
  /// Gives everything in hand its full time to be settled again.
  void extend();

  /// What is known here of events; none: it does not read the topic. Without whose process it is.
  [[nodiscard]] std::optional<AttemptsAnswer> told_of(std::string_view topic, Partition partition,
                                                      std::span<const std::uint64_t> offsets,
                                                      std::string_view type) const;

  /// Takes nothing new; what runs goes on.
  void begin_stop();
  /// Whether all has ended, settled and closed by `until` (real time).
  bool wait_ended(SteadyTime until);
  /// What still runs, for people.
  [[nodiscard]] std::vector<std::string> running() const;

  [[nodiscard]] HandlerStats stats() const;
  /// The same without whether it is paused or broken, and without the lock.
  [[nodiscard]] HandlerStats counts() const;
  /// Attempts that followed one that failed.
  [[nodiscard]] std::uint64_t retried() const { return turns_.counted().retried; }
  struct Depths {
    std::size_t in_hand = 0;  ///< events that were fetched and are not settled
    std::size_t ready = 0;    ///< keys that wait for a worker
  };
  [[nodiscard]] Depths depths() const;
  /// What is to be done with the dead letters of a group, this one or another.
  void requested(const std::string& id, const DeadLetterRequest& request) { parking_.requested(id, request); }

 private:
  struct Worker {
    std::thread thread;
    const Task* runs = nullptr;
    // What it ran when that was looked at last: a look at the clock for each turn would cost more.
    const Task* ran = nullptr;
    DeliveryId ran_id{};
    TimePoint ran_since{};
    std::shared_ptr<Consumer> consumer;  // of its last turn, as long as it is its source's and the worker awake: all
                                         // of them would count it up and down with each event
  };

  [[nodiscard]] bool is_reader() const;
  Result<std::unique_ptr<Consumer>> join(const Source& source);
  void fetch_loop(Source& source);
  bool take_over(Source& source, std::span<const Delivery> deliveries);
  void take_in(Source& source, std::span<Delivery> deliveries);
  [[nodiscard]] std::vector<Source*> sources() const override;
  [[nodiscard]] std::shared_ptr<Consumer> consumer(const Source& source) const override;
  void drive(Source& source, std::span<Delivery> events, std::span<const char> ordered) override;
  [[nodiscard]] std::uint64_t fetched(const Source& source, std::uint32_t partition) const override;
  void lose(Source& source, std::uint32_t partition, std::uint64_t generation) override;
  void put_aside(std::span<Task* const> tasks) override;
  void drop_repeated(const Source& source, std::span<Delivery> deliveries, std::vector<bool>& repeated) const;
  [[nodiscard]] std::pair<std::uint64_t, bool> lane_of(const Source& source, const Delivery& delivery) const;
  void tell_ignored(Source& source, std::string_view type);
  void fetch_failed(Source& source, const Error& why, int failures);
  [[nodiscard]] std::size_t wait_for_room(Source& source);

  void work_loop(Worker& worker);
  void flush(std::unique_lock<std::mutex>& lock);
  void note(const Turns::Report& report, Gate::Change change);
  void absorb(Lanes::Turn& turn, std::optional<SteadyTime> due, std::vector<std::shared_ptr<const void>>& spent);
  void sleep(std::unique_lock<std::mutex>& lock, std::optional<SteadyTime> due);

  Host& host_;
  const std::string name_;
  const std::string group_;
  const HandlerOptions options_;
  const std::unique_ptr<detail::Handler> handler_;
  bool is_remembered_ = false;  // by the broker, what is begun
  const std::function<void()> wants_flush_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> ignored_ = 0;
  const std::optional<HandlerMeasures> measures_;
  Parking parking_;
  const std::unique_ptr<Effects> effects_;  // of a handler with a transaction
  Turns turns_;

  mutable std::mutex mutex_;
  std::condition_variable work_;  // for workers
  std::condition_variable room_;  // for fetching threads
  std::condition_variable ended_;
  Lanes lanes_;
  Gate gate_;
  Settling settling_;
  bool paused_by_program_ = false;
  bool paused_by_request_ = false;
  std::string paused_why_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> fetchers_;
  std::size_t idle_ = 0;
  std::size_t alive_ = 0;
};

}  // namespace tidings::service
