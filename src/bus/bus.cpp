#include "tidings/bus/bus.hpp"

#include "bus/lane.hpp"
#include "bus/registry.hpp"

namespace tidings {

const std::vector<Error>& BusResult::errors() const {
  static const std::vector<Error> none;
  return errors_ ? *errors_ : none;
}

void BusResult::add_error(Error error) {
  if (!errors_) errors_ = std::make_unique<std::vector<Error>>();
  errors_->push_back(std::move(error));
}

Result<> BusResult::combined() const {
  if (!errors_) return {};
  if (errors_->size() == 1) return errors_->front();
  Error all{"several_failed", std::to_string(errors_->size()) + " handlers failed", Retry::never};
  for (const auto& error : *errors_) {
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
  const auto registry = registry_.lock();
  if (registry) registry->remove(*slot);
  if (slot->lane()) slot->lane()->stop();
  if (registry) bus::wait_for_others(*slot);
  const bool in_own_queue = slot->lane() && slot->lane()->is_own_thread();
  if (slot->lane() && registry && !in_own_queue) {
    slot->lane()->discard();
    registry->forget(*slot->lane());
  }
  bus::release_after_own_frames(slot);
}

bool Subscription::active() const {
  return slot_ && !slot_->ended();
}

Result<> Subscription::drain(Duration wait_max) {
  if (!slot_ || !slot_->lane()) return {};
  return slot_->lane()->drain(std::chrono::steady_clock::now() + wait_max);
}

Bus::Bus(BusOptions options) : registry_(std::make_shared<bus::Registry>(options)), front_(registry_.get()) {}

Bus::~Bus() {
  registry_->close();
}

Subscription Bus::add(bus::Subscriber subscriber) {
  auto slot = std::make_shared<bus::Slot>(std::move(subscriber), nullptr);
  registry_->add(slot);
  return {registry_, std::move(slot)};
}

Subscription Bus::add_middleware(bus::Subscriber subscriber, bus::RunMiddleware run) {
  auto slot = std::make_shared<bus::Slot>(std::move(subscriber), run);
  registry_->add(slot);
  return {registry_, std::move(slot)};
}

Subscription Bus::add_queued(bus::Subscriber subscriber, QueueOptions options) {
  auto lane = std::make_shared<bus::Lane>(std::move(options), subscriber, *registry_);
  auto slot = std::make_shared<bus::Slot>(std::move(subscriber), nullptr, lane);
  lane->start(slot);
  registry_->add(slot);
  return {registry_, std::move(slot)};
}

std::vector<SubscriptionInfo> Bus::subscriptions() const {
  std::vector<SubscriptionInfo> infos;
  const auto slots = registry_->slots();
  for (const bool middleware : {true, false})
    for (const auto& slot : slots)
      if ((slot->middleware() != nullptr) == middleware) infos.push_back(slot->info());
  return infos;
}

Result<> Bus::drain(Duration wait_max) {
  const auto deadline = std::chrono::steady_clock::now() + wait_max;
  for (const auto& slot : registry_->slots())
    if (slot->lane())
      if (auto done = slot->lane()->drain(deadline); !done) return done;
  return {};
}

}  // namespace tidings
