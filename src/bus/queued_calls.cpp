#include "bus/queued_calls.hpp"

#include "bus/chain.hpp"

namespace tidings::bus {

QueuedCalls::Called QueuedCalls::call_with_all(Run run, const AnyEvent& event, const BusEnvelope* envelope) {
  Calling calling(registry_, event, nullptr, result_, nullptr);
  if (envelope != nullptr) calling.use(*envelope);
  Chain chain(subscribers_->middleware, calling, slot_, run, slot_.callable(), event.address());
  if (auto done = chain.next(); !done) result_.add_error(std::move(done.error()));
  return outcome();
}

}  // namespace tidings::bus
