#include "bus/registry.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <string>

namespace tidings::bus {
namespace {

/// Where the publications of one handler call go: back to the bus, as they are.
class BusOutlet final : public Outlet {
 public:
  BusOutlet(Registry& registry, Slot& slot) : registry_(registry), slot_(slot) {}

  Result<> publish(std::string_view, Envelope) override {
    return Error{"unsupported", "the bus carries events, not envelopes"};
  }
  std::optional<Result<>> publish_typed(const void* identity, std::string_view type, const void* event,
                                        const EnvelopeView& cause) override {
    return registry_.publish(AnyEvent(identity, type, event), identity, &cause).combined();
  }
  Result<> unsubscribe() override {
    slot_.deactivate();
    registry_.remove(slot_);
    return {};
  }

 private:
  Registry& registry_;
  Slot& slot_;
};

Result<> call(const Taken& taken, const AnyEvent& event, Context* context) {
  try {
    return taken.handler(event, context);
  } catch (const ErrorException& exception) {
    return exception.error();
  } catch (const std::exception& exception) {
    return Error{"handler_threw", exception.what(), Retry::same_call};
  } catch (...) {
    return Error{"handler_threw", "something that is no std::exception", Retry::same_call};
  }
}

}  // namespace

thread_local Frame* Frame::top_ = nullptr;

std::size_t Frame::count_of(const Slot& slot) {
  std::size_t count = 0;
  for (const auto* frame = top_; frame != nullptr; frame = frame->outer_) count += frame->slot_ == &slot ? 1 : 0;
  return count;
}

bool Slot::enter() {
  const std::scoped_lock lock(mutex_);
  if (active_) ++running_;
  return active_;
}

void Slot::leave() {
  const std::scoped_lock lock(mutex_);
  --running_;
  left_.notify_all();
}

void Slot::deactivate() {
  const std::scoped_lock lock(mutex_);
  active_ = false;
}

void Slot::wait_for_others() {
  const auto own = Frame::count_of(*this);
  std::unique_lock lock(mutex_);
  left_.wait(lock, [&] { return running_ <= own; });
}

void Registry::add(const std::shared_ptr<Slot>& slot) {
  const std::scoped_lock lock(mutex_);
  slots_.push_back(slot);
  lists_.clear();
}

void Registry::remove(const Slot& slot) {
  std::vector<std::shared_ptr<Slot>> gone;  // a callable may be destroyed by this: not under the lock
  decltype(lists_) lists;
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find(slots_, &slot, [](const auto& known) { return known.get(); });
  if (found == slots_.end()) return;
  gone.push_back(std::move(*found));
  slots_.erase(found);
  lists.swap(lists_);
}

std::shared_ptr<const Registry::List> Registry::list_of(const void* identity) {
  const std::scoped_lock lock(mutex_);
  auto& known = lists_[identity];
  if (!known) {
    auto list = std::make_shared<List>();
    for (const auto& slot : slots_)
      for (const auto& taken : slot->taken())
        if (taken.identity == nullptr || taken.identity == identity) list->push_back({slot, &taken});
    known = std::move(list);
  }
  return known;
}

BusResult Registry::publish(const AnyEvent& event, const void* identity, const EnvelopeView* cause) {
  const auto list = list_of(identity);
  BusResult result;
  std::optional<Envelope> envelope;  // made for the first handler that wants a context
  EnvelopeView view;
  for (const auto& [slot, taken] : *list) {
    if (!slot->enter()) continue;
    struct Leave {
      Slot& slot;
      ~Leave() { slot.leave(); }
    } leave{*slot};
    const Frame frame(*slot);
    if (taken->wants_context && !envelope) {
      envelope = begin_envelope({.source = "bus", .cause = cause});
      envelope->type = event.type();
      view = envelope->view();
    }
    BusOutlet outlet(*this, *slot);
    Context context(view, {}, "bus", outlet);
    result.add_call();
    if (auto done = call(*taken, event, taken->wants_context ? &context : nullptr); !done)
      result.add_error(std::move(done.error()));
  }
  return result;
}

}  // namespace tidings::bus
