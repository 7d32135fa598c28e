#include "tidings/base/clock.hpp"

#include <atomic>

namespace tidings {
namespace {

class SystemClock final : public Clock {
 public:
  TimePoint now() const override { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }
  SteadyTime steady_now() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

struct ManualClock::State {
  TimePoint start;
  std::atomic<Duration::rep> passed{0};
};

ManualClock::ManualClock(TimePoint start) : state_(new State{start}) {}
ManualClock::~ManualClock() {
  delete state_;
}
TimePoint ManualClock::now() const {
  return state_->start + Duration{state_->passed.load()};
}
SteadyTime ManualClock::steady_now() const {
  return SteadyTime{Duration{state_->passed.load()}};
}
void ManualClock::advance(Duration by) {
  state_->passed.fetch_add(by.count());
}

}  // namespace tidings
