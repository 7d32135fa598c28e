#pragma once

#include <atomic>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "service/effects.hpp"
#include "service/failed_attempts.hpp"
#include "service/host.hpp"
#include "service/lanes.hpp"
#include "service/measures.hpp"
#include "service/overruns.hpp"
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
    std::atomic<std::uint64_t> retried = 0;  // attempts after one that failed
    std::atomic<std::uint64_t> expired = 0;
  };
  /// What a turn came to.
  struct Report {
    std::optional<SteadyTime> due;  ///< when to go on with what is left of it; nullopt: at once
    std::size_t succeeded = 0;      ///< events
    std::size_t failed = 0;         ///< attempts, without those that no other attempt can mend
    std::string why;                ///< of the last of these
    bool is_probe = false;          ///< of an open circuit breaker
  };

  /// `effects`: of a handler with a transaction.
  Turns(Host& host, std::string name, std::string group, Parking& parking, const HandlerOptions& options,
        detail::Handler& handler, Effects* effects, const HandlerMeasures* measures = nullptr);
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  /// Leaves the tasks of the turn marked as settled or dropped, or says when to go on with those that are not. The turn
  /// may have another first task then.
  /// `consumer` is told what begins, if there is one: where the broker remembers it.
  Report run(Lanes::Turn& turn, Consumer* consumer = nullptr, bool is_probe = false);
  /// Asks attempts that are overdue to end; to be called often.
  void watch();
  /// The task is to be parked next, for that reason.
  static void park_later(Task& task, Error why);
  [[nodiscard]] const Counted& counted() const { return counted_; }
  /// Of events that are still in hand.
  [[nodiscard]] const FailedAttempts& failed_attempts() const { return failed_; }
  [[nodiscard]] std::uint64_t overran() const { return overruns_.counted(); }

 private:
  std::optional<SteadyTime> run_stages(Task& task, Consumer* consumer, Report& report);
  std::optional<SteadyTime> run_together(Lanes::Turn& turn, Consumer* consumer, Report& report);
  [[nodiscard]] bool has_expired(Task& task);
  [[nodiscard]] bool has_crashed_too_often(const Task& task);
  [[nodiscard]] static bool may_be_handled(const Task& task);
  static void tell_begin(const Task* first, Consumer* consumer);
  std::optional<SteadyTime> send_together(Lanes::Turn& turn);
  void come_alone(Lanes::Turn& turn, const Error& why);
  Result<> redeem(Task& task, EnvelopeView& view);
  [[nodiscard]] Result<EnvelopeView> open(const EnvelopeView& view, std::string& opened) const;
  /// `is_trouble`: it was the store that failed.
  void tell_delivered(const Lanes::Turn& turn) const;
  Result<> attempt(Task* first, std::size_t size, Publications& publications, bool& is_trouble);
  Result<> call_traced(Task* first, std::size_t size, std::span<detail::Handler::Item> items,
                       Publications& publications, bool& is_trouble);
  Result<> call(std::span<detail::Handler::Item> items, Publications& publications, bool& is_trouble);
  Result<> call_with_middleware(std::span<detail::Handler::Item> items, Publications& publications, bool& is_trouble);
  Result<> call_handler(std::span<detail::Handler::Item> items, Publications& publications, bool& is_trouble);
  std::optional<SteadyTime> failed(Task& task, const Error& error, Report& report);
  [[nodiscard]] std::optional<SteadyTime> pause(Task& task, std::string_view what, const Error& error);
  [[nodiscard]] static Context::Place place_of(const Task& task);

  Host& host_;
  const std::string name_;
  const std::string group_;
  Parking& parking_;
  const Backoff retry_;
  detail::Handler& handler_;
  Effects* const effects_;
  const HandlerMeasures* const measures_;
  Overruns overruns_;
  Troubles troubles_;
  std::mutex suspects_;  // held by the handler of one that a process died with: so the next death tells which it was
  Counted counted_;
  FailedAttempts failed_;
};

}  // namespace tidings::service
