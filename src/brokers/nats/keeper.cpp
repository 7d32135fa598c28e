#include "brokers/nats/keeper.hpp"

#include <algorithm>

namespace tidings::brokers::nats {

Keeper::Keeper(std::shared_ptr<Core> core) : core_(std::move(core)) {
  thread_ = std::thread([this] { run(); });
}

Keeper::~Keeper() {
  end();
}

void Keeper::end() {
  ends_ = true;
  core_->wake_keeper();
  if (thread_.joinable()) thread_.join();
}

void Keeper::run() {
  constexpr auto look_at_least_every = std::chrono::seconds{1};
  while (!ends_) {
    auto due = steady_now() + look_at_least_every;
    for (const auto& member : core_->live_members()) due = std::min(due, member->work());
    std::unique_lock lock(core_->mutex);
    core_->keeper_wake.wait_until(lock, due, [&] { return core_->keeper_wanted; });
    core_->keeper_wanted = false;
  }
}

}  // namespace tidings::brokers::nats
