#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bus/ring.hpp"
#include "tidings/bus/options.hpp"
#include "tidings/bus/subscription.hpp"

namespace tidings::bus {

class QueuedCalls;
class Registry;
class Slot;

/// The queue of one subscription, and the thread that empties it. A publisher that finds room touches nothing but the
/// ring; the mutex and the condition variables are only used once somebody waits.
class Lane : public std::enable_shared_from_this<Lane> {
 public:
  /// Where one of the subscription's event types comes in.
  struct Door {
    Lane* lane;
    Taken taken;
  };

  Lane(QueueOptions options, const Subscriber& subscriber, Registry& registry);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  void start(std::shared_ptr<Slot> slot);
  /// What publishers get for `taken`.
  [[nodiscard]] Door* door(const Taken& taken);

  /// Puts a copy into the queue, or does what `when_full` says. Errors go to `calling`.
  void push(const Taken& taken, Calling& calling);

  /// Ends the thread once the handler that runs has returned; from that very handler, without waiting for it.
  /// Publishers that wait get an error.
  void stop();
  /// Whether the thread has left for good.
  [[nodiscard]] bool finished() const { return finished_.load(); }
  /// After `stop`, when no publisher is inside: destroys what is queued, and says how much.
  void discard();

  [[nodiscard]] bool is_own_thread() const { return std::this_thread::get_id() == worker_ && !finished_.load(); }
  Result<> drain(SteadyTime deadline);
  void describe(SubscriptionInfo& info) const;

 private:
  void work(Slot& slot);
  bool handle_all(Slot& slot);
  bool handle_next(QueuedCalls& calls);
  bool handle_next_or_drop(QueuedCalls& calls);
  bool handle(QueuedCalls& calls, const Ring::Item& item);
  void tell_failed(const AnyEvent& event, const Error& error);
  void wait_for_event();
  [[nodiscard]] bool has_room(std::size_t room) const {
    const auto freed = ring_.freed();  // first: no more than what is claimed by then
    return ring_.claimed() - freed + room <= ring_.capacity();
  }
  void drop_oldest();
  void wake_parked();
  void wake_worker();
  void wake_waiters();
  [[nodiscard]] bool is_done(std::uint64_t place) const;
  /// How many of the places before `end` hold an event, or are in hand.
  [[nodiscard]] std::uint64_t pending(std::uint64_t end) const;
  template <class Done, class DoneWell>
  bool wait_until(SteadyTime deadline, Done done, DoneWell done_well);
  [[nodiscard]] Error full(std::string_view why);

  QueueOptions options_;
  std::string name_;
  Registry& registry_;
  std::vector<Door> doors_;
  Ring ring_;
  const std::size_t some_;              // as much room as is worth waking a publisher for
  std::unique_ptr<std::byte[]> moved_;  // of `drop_oldest`: the event that is handled
  std::thread thread_;
  std::thread::id worker_;

  std::mutex take_;              // of `drop_oldest`, and of the end: whoever takes from the ring
  std::size_t passed_over_ = 0;  // taken out when the subscription had ended: the queue's thread, then `discard`
  std::atomic<std::uint64_t> handling_ = 0;  // of `drop_oldest`: place + 1 of the event in hand
  std::atomic<bool> stopping_ = false, finished_ = false;
  std::atomic<bool> parked_ = false;      // the thread waits for events
  std::atomic<std::size_t> waiting_ = 0;  // threads that wait for room, or for the end
  std::mutex mutex_;
  std::condition_variable event_, progress_;

  std::atomic<std::uint64_t> dropped_ = 0, refused_ = 0;

  // The thread's own, on a line that no publisher reads.
  alignas(64) std::atomic<std::uint64_t> handled_ = 0, failed_ = 0;
  int burst_ = 0;           // events that it handled since it last found none
  Duration awake_{};        // how long it looks for events before it sleeps, by what looking was worth
  std::uint64_t told_ = 0;  // how many places had been freed when waiters were last woken
};

/// The `Run` of queued subscribers; `door` is a `Lane::Door`.
void enqueue(void* door, const void* event, Calling* calling);

}  // namespace tidings::bus
