#include "tidings/bus/bus.hpp"

#include "bus/registry.hpp"

namespace tidings {

Result<> BusResult::combined() const {
  if (errors_.empty()) return {};
  if (errors_.size() == 1) return errors_.front();
  Error all{"several_failed", std::to_string(errors_.size()) + " handlers failed", Retry::never};
  for (const auto& error : errors_) {
    all.message += "; " + to_string(error);
    if (error.retry == Retry::same_call) all.retry = Retry::same_call;
  }
  return all;
}

void Subscription::end() noexcept {
  const auto slot = std::move(slot_);
  slot_ = nullptr;
  if (!slot) return;
  slot->deactivate();
  if (const auto registry = registry_.lock()) registry->remove(*slot);
  slot->wait_for_others();
}

bool Subscription::active() const {
  return slot_ && slot_->active();
}

Bus::Bus() : registry_(std::make_shared<bus::Registry>()) {}
Bus::~Bus() = default;

Subscription Bus::add(std::vector<bus::Taken> taken) {
  auto slot = std::make_shared<bus::Slot>(std::move(taken));
  registry_->add(slot);
  return {registry_, std::move(slot)};
}

BusResult Bus::publish_any(const AnyEvent& event, const void* identity) {
  return registry_->publish(event, identity, nullptr);
}

}  // namespace tidings
