#pragma once

#include <utility>

#include "bus/registry.hpp"

namespace tidings::bus {

/// The calls of a queue's handler, one after another on the queue's thread, as long as there are events: marks are made
/// once for all of them. Middleware that comes or goes in between is seen by the next call.
class QueuedCalls {
 public:
  QueuedCalls(Registry& registry, Slot& slot)
      : registry_(registry),
        slot_(slot),
        mark_(*free_level()),  // the thread's first: its own
        subscribers_(&mark_.protect(registry.subscribers())) {
    mark_.enter(&slot);
  }

  enum class Called {
    done,
    failed,     ///< `take_error` says how
    not_at_all  ///< the subscription has ended
  };
  /// One event, with the middleware around its handler. `envelope` is null where nobody asked.
  [[nodiscard]] Called call(Run run, const AnyEvent& event, const BusEnvelope* envelope) {
    // Who publishes after a change must meet it: that the event is here is reason enough to look again.
    if (registry_.subscribers().load(mark_load) != subscribers_) [[unlikely]]
      subscribers_ = &mark_.protect(registry_.subscribers());
    if (slot_.ended()) [[unlikely]]
      return Called::not_at_all;
    if (!subscribers_->middleware.empty() || envelope != nullptr) return call_with_all(run, event, envelope);
    Calling calling(registry_, event, nullptr, result_, nullptr);
    try {
      run(slot_.callable(), event.address(), &calling);
    } catch (...) {
      result_.add_error(error_of_exception());
    }
    return outcome();
  }
  [[nodiscard]] Error take_error() { return std::exchange(result_, {}).combined().error(); }

 private:
  [[nodiscard]] Called outcome() const { return result_.ok() ? Called::done : Called::failed; }
  Called call_with_all(Run run, const AnyEvent& event, const BusEnvelope* envelope);

  Registry& registry_;
  Slot& slot_;
  Mark mark_;
  const Subscribers* subscribers_;
  BusResult result_;
};

}  // namespace tidings::bus
