#include "bus/calling.hpp"

#include "bus/lane.hpp"
#include "bus/publishers.hpp"
#include "bus/registry.hpp"

namespace tidings::bus {

Result<> BusOutlet::publish(std::string_view, Envelope) {
  return Error{"unsupported", "the bus carries events, not envelopes"};
}

std::optional<Result<>> BusOutlet::publish_typed(const EventType& type, const void* event, const EnvelopeView& cause) {
  return registry_.publish(AnyEvent(type, event), &cause).combined();
}

Result<> BusOutlet::unsubscribe() {
  slot_.deactivate();
  registry_.remove(slot_);
  if (slot_.lane()) slot_.lane()->stop();  // a queue's handler runs on its thread: nobody waits here
  return {};
}

const BusEnvelope& Calling::envelope() {
  if (!told_) told_.emplace();
  if (!told_->envelope) told_->envelope.emplace(cause_, registry_->clock(), registry_->entropy());
  return *told_->envelope;
}

Context& Calling::context(Slot& slot) {
  const auto& made = envelope();
  if (!told_->view) told_->view = made.view(event_->type());
  if (!told_->handler || told_->handler->slot != &slot) told_->handler.emplace(*registry_, slot, *told_->view);
  return told_->handler->context;
}

void Calling::fail(Error error) {
  result_->add_error(result_ == publishers_ ? named(std::move(error), running_slot()) : std::move(error));
}

Error named(Error error, const Slot& slot) {
  const auto name = slot.name() + ": ";
  // Not once for each of the rounds that a handler goes in a circle, nor of those that several do.
  constexpr std::size_t circle_bytes_max = 500;
  const bool in_circle = error.code == "too_deep" && error.message.size() > circle_bytes_max;
  if (!in_circle && !error.message.starts_with(name)) error.message.insert(0, name);
  return error;
}

Error error_of_exception() {
  try {
    throw;
  } catch (const ErrorException& exception) {
    return exception.error();
  } catch (const std::exception& exception) {
    return {"handler_threw", exception.what(), Retry::same_call};
  } catch (...) {
    return {"handler_threw", "something that is no std::exception", Retry::same_call};
  }
}

const AnyEvent& event_of(const Calling& calling) {
  return calling.event();
}
Context& context_of(Calling& calling) {
  // The handler that asks runs on this thread, at its deepest level.
  return calling.context(running_slot());
}
void fail(Calling& calling, Error error) {
  calling.fail(std::move(error));
}

}  // namespace tidings::bus
