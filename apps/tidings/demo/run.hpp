#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands.hpp"
#include "dashboard/dashboard.hpp"
#include "demo/chaos.hpp"
#include "demo/crew.hpp"
#include "demo/expected.hpp"
#include "demo/feeder.hpp"
#include "demo/lags.hpp"
#include "demo/setup.hpp"
#include "demo/stores.hpp"
#include "demo/summary.hpp"
#include "demo/victim.hpp"
#include "demo/view.hpp"

namespace tidings::cli {

/// One run of the demo: the services start, are fed, one or all of them are killed, and in the end it says what they
/// came to.
class Run {
 public:
  /// All of these outlive it.
  Run(const DemoArguments& arguments, const Setup& setup, Stores& stores);

  /// Errors: `interrupted`, `stuck`, `service_ended`, `service_failed`, and what the broker and the stores say.
  Result<Summary> play();

 private:
  using Time = std::chrono::steady_clock::time_point;

  Result<> open_broker_and_topics();
  Result<> start_dashboard();
  [[nodiscard]] std::vector<std::string> options_of(std::size_t service) const;
  Result<> play_on();
  Result<> feed_what_is_due(Time now);
  [[nodiscard]] std::uint64_t feed_until() const;
  [[nodiscard]] bool is_ahead() const;
  [[nodiscard]] std::uint64_t due(Time now) const;
  Result<> kill_at_random(Time now);
  Result<> kill_midway(Time now);
  [[nodiscard]] bool is_dead(std::size_t service) const;
  Result<> look_whether_done();
  [[nodiscard]] bool is_done() const;
  [[nodiscard]] Error stuck();
  Result<Summary> finish();
  void show(Time now, bool is_last = false);
  [[nodiscard]] Scene::State state_of(std::size_t service) const;
  [[nodiscard]] std::string caption() const;
  [[nodiscard]] std::string at(Time now) const;

  const DemoArguments& arguments_;
  const Setup& setup_;
  Stores& stores_;
  std::string url_;
  std::string name_space_;
  std::unique_ptr<Broker> broker_;
  Crew crew_;
  Feeder feeder_;
  Expected expected_;
  std::optional<Lags> lags_;
  std::optional<View> view_;
  std::unique_ptr<Dashboard> dashboard_;  // after the broker
  std::optional<Chaos> chaos_;
  std::optional<Victim> victim_;
  bool is_back_[service_count];  // and has caught up since it was killed last, at random
  double rate_ = 0;              // orders a second; 0: as fast as it goes
  double pace_ = 0;              // of the victim, events a second; 0: as fast as it goes
  int times_quiet_ = 0;
  std::uint64_t checkouts_left_ = 0;  // that are not over though nobody has anything to do
  std::uint64_t handled_when_quiet_ = 0;
  Time begun_{}, played_{};
};

}  // namespace tidings::cli
