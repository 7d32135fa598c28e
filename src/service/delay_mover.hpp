#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "service/dead_journal.hpp"
#include "service/delays.hpp"

namespace tidings::service {

/// Takes what waits in `Delays` from level to level, and publishes it when it is due: a thread, and a member of the
/// group `tidings.delays` on each level that there is, so that one process of all does it, and another when that one
/// dies. An event that is published and not settled when the process dies is published twice, with its id.
///
/// What is refused when it is due is parked, as in the journal of a group that nobody holds: tools give it back
/// (`DeadLetters::publish`). Trouble of the broker's it waits out.
///
/// A level is looked at so often that nothing leaves it late; only level 0 is listened to.
class DelayMover {
 public:
  /// `publish`: into the topic as it is called without the namespace, durably.
  using Publish = std::function<Result<>(std::string_view topic, std::span<const EnvelopeView> events)>;
  DelayMover(Host& host, Delays& delays, Publish publish);
  ~DelayMover() { stop(); }
  DelayMover(const DelayMover&) = delete;
  DelayMover& operator=(const DelayMover&) = delete;

  /// Whether anything has ever waited here: else there is nothing to move.
  [[nodiscard]] bool is_needed() const;
  /// Does nothing where it runs already.
  void start();
  /// Returns when it does nothing any more.
  void stop();

 private:
  struct Waiting {
    SteadyTime moves;
    std::uint64_t order = 0;  // as they came
    Delivery delivery;
    enum class Done : std::uint8_t { no, sent, parked } done = Done::no;
  };
  struct Level {
    std::shared_ptr<Consumer> consumer;
    std::vector<Waiting> waiting;  // a heap, the first to move in front
    SteadyTime look_at{};          // not before
    SteadyTime extend_at{};
  };

  void loop();
  void look(std::uint32_t number, Duration wait);
  bool join(std::uint32_t number);
  void take_in(std::uint32_t number, std::vector<Delivery> deliveries);
  Result<> move(std::uint32_t number);
  Result<> send(std::uint32_t number, std::span<Waiting> group);
  Result<> send_to(std::uint32_t number, std::string_view topic, std::span<Waiting* const> due_now);
  Result<> park(std::uint32_t number, Waiting& one, const Error& why);
  void settle(Level& level, std::span<const Waiting> group, Waiting::Done what);
  [[nodiscard]] SteadyTime next() const;
  void trouble(std::string_view what, const Error& why, Level& level);

  Host& host_;
  Delays& delays_;
  const Publish publish_;
  DeadTopic dead_;
  std::array<Level, Delays::levels> all_;
  std::uint64_t order_ = 0;
  std::string told_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  std::shared_ptr<Consumer> listened_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace tidings::service
