#include "trial.hpp"

namespace tidings::testing {

namespace {

void comes_with_the_service(Trial& trial) {
  trial.unsupported("comes with the service runtime");
}

}  // namespace

std::vector<CaseEntry> service_cases() {
  return {
      {{"a_poison_event_reaches_the_dead_letters_after_the_last_attempt",
        "What no attempt can handle is parked, with the reason."},
       comes_with_the_service},
      {{"a_throw_equals_a_negative_acknowledgement", "A handler that throws gets the event again."},
       comes_with_the_service},
  };
}

}  // namespace tidings::testing
