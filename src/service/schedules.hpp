#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "service/host.hpp"
#include "tidings/service/description.hpp"
#include "tidings/service/detail/handler.hpp"
#include "tidings/service/detail/tick.hpp"
#include "tidings/service/recurrence.hpp"

namespace tidings::service {

/// The recurring schedules of a service. Each has a tick that waits, durably, until its next time. Every process that
/// starts adds one, so that there is one at least; of several for one time the first counts, since they are of one key
/// and come to one process after another. Thread-safe.
class Schedules {
 public:
  /// The handler of ticks, as users' are.
  static constexpr std::string_view handler = "tidings-schedule";

  explicit Schedules(Host& host) : host_(host) {}

  void add(std::string name, Recurrence recurrence, detail::MakeOccurrence make);
  [[nodiscard]] bool empty() const { return all_.empty(); }
  [[nodiscard]] std::vector<ServiceDescription::Schedule> describe() const;
  /// Error `invalid_name`: two of one name.
  [[nodiscard]] Result<> check() const;

  /// The ticks that are to wait from now on, each marked with its time.
  [[nodiscard]] Result<std::vector<Envelope>> first_ticks() const;
  /// Those of schedules of which nothing has come here for longer than it should: their ticks come to another process,
  /// or were lost with the machine where they waited. Where there is one already, the new one is its twin.
  [[nodiscard]] Result<std::vector<Envelope>> missing_ticks();
  [[nodiscard]] std::unique_ptr<detail::Handler> make_handler();

 private:
  struct Schedule {
    std::string name;
    Recurrence recurrence;
    detail::MakeOccurrence make;
    TimePoint last{};  // that was published by this process
    TimePoint seen{};  // when a tick came, or was added
  };
  [[nodiscard]] std::string key_of(const Schedule& schedule) const;
  /// Marked with its time.
  [[nodiscard]] Result<Envelope> next_tick(const Schedule& schedule) const;
  [[nodiscard]] detail::Tick tick_of(const Schedule& schedule, TimePoint due) const;
  Result<> on(const detail::Tick& tick, Context& context);

  Host& host_;
  std::vector<Schedule> all_;
  std::mutex mutex_;  // for what is `last`
};

}  // namespace tidings::service
