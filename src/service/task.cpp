#include "service/task.hpp"

#include "service/publications.hpp"

namespace tidings::service {

Task::Task() = default;
Task::~Task() = default;

void Task::reset() {
  delivery.owner.reset();
  alone = settled = dropped = keyed = again = ordered = is_behind = false;
  stage = Stage::handle;
  outcome = Outcome::handled;
  arrived = {};
  expires = TimePoint::max();
  failures = 0;
  waits = 0;
  together = 0;
  publications.reset();
  claimed.reset();
  failure.reset();
  trace.reset();
  next = nullptr;
}

}  // namespace tidings::service
