#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <stop_token>

#include "service/task.hpp"
#include "tidings/base/clock.hpp"

namespace tidings::service {

/// Attempts that have a deadline: who runs beyond it is asked to end, and told of once. Thread-safe; costs nothing
/// without a deadline.
class Overruns {
 public:
  /// No deadline where that is nothing. `service_stop`: asks all of them.
  Overruns(Duration deadline, Clock& clock, std::stop_token service_stop)
      : deadline_(deadline), clock_(clock), service_stop_(std::move(service_stop)) {}

  /// An attempt that runs, until this goes.
  class Attempt {
   public:
    Attempt(Overruns& overruns, const Task& task);
    ~Attempt();
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

    [[nodiscard]] const std::stop_token* stop() const { return &token_; }
    [[nodiscard]] SteadyTime until() const { return until_; }

   private:
    friend class Overruns;
    struct Link {
      Attempt* attempt;
      void operator()() const { attempt->source_.request_stop(); }
    };
    Overruns& overruns_;
    const Task& task_;
    std::stop_source source_{std::nostopstate};
    std::stop_token token_;
    std::optional<std::stop_callback<Link>> link_;
    SteadyTime until_ = SteadyTime::max();
    bool told_ = false;
    std::list<Attempt*>::iterator place_;
  };

  /// To be called often: asks those that are overdue, and tells of each.
  void check(const std::function<void(const Task&)>& tell);
  [[nodiscard]] std::uint64_t counted() const { return counted_; }

 private:
  const Duration deadline_;
  Clock& clock_;
  const std::stop_token service_stop_;
  std::mutex mutex_;
  std::list<Attempt*> running_;
  std::atomic<std::uint64_t> counted_ = 0;
};

}  // namespace tidings::service
