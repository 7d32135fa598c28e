#pragma once

#include <atomic>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "service/host.hpp"
#include "service/lanes.hpp"
#include "service/parking.hpp"
#include "service/troubles.hpp"
#include "tidings/service/detail/handler.hpp"
#include "tidings/service/options.hpp"

namespace tidings::service {

/// What the workers of a handler do with their turns: hand events to the user's handler, let its publications leave,
/// park what failed too often. Knows neither lanes nor locks. Thread-safe, a turn being one worker's.
class Turns {
 public:
  struct Counted {
    std::atomic<std::uint64_t> handled = 0;
    std::atomic<std::uint64_t> failed = 0;
    std::atomic<std::uint64_t> parked = 0;
  };

  /// `stopping`: no event is tried again.
  Turns(Host& host, std::string name, const std::string& group, const Backoff& retry, detail::Handler& handler,
        const std::atomic<bool>& stopping);
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  /// Leaves the tasks of the turn marked as settled or dropped, or says when to go on with those that are not; nullopt:
  /// at once. The turn may have another first task then.
  /// `consumer` is told what begins, if there is one: where the broker remembers it.
  std::optional<SteadyTime> run(Lanes::Turn& turn, Consumer* consumer = nullptr);
  [[nodiscard]] const Counted& counted() const { return counted_; }

 private:
  std::optional<SteadyTime> run_stages(Task& task, Consumer* consumer);
  std::optional<SteadyTime> run_together(Lanes::Turn& turn, Consumer* consumer);
  [[nodiscard]] bool has_crashed_too_often(const Task& task);
  static void tell_begin(const Task* first, Consumer* consumer);
  std::optional<SteadyTime> send_together(Lanes::Turn& turn);
  static void come_alone(Lanes::Turn& turn);
  Result<> attempt(Task* first, std::size_t size, Publications& publications);
  Result<> guarded(std::span<detail::Handler::Item> items);
  std::optional<SteadyTime> failed(Task& task, const Error& error);
  [[nodiscard]] std::optional<SteadyTime> pause(Task& task, std::string_view what, const Error& error);
  static void park_later(Task& task, Error why);
  [[nodiscard]] static Context::Place place_of(const Task& task);

  Host& host_;
  const std::string name_;
  const Backoff retry_;
  detail::Handler& handler_;
  const std::atomic<bool>& stopping_;
  const std::stop_token stop_;
  Parking parking_;
  Troubles troubles_;
  std::mutex suspects_;  // held by the handler of one that a process died with: so the next death tells which it was
  Counted counted_;
};

}  // namespace tidings::service
