#include "bus/slot.hpp"

#include "bus/lane.hpp"

namespace tidings::bus {

SubscriptionInfo Slot::info() const {
  SubscriptionInfo info{.name = name_, .middleware = middleware_ != nullptr};
  for (const auto& taken : taken_)
    if (taken.type != nullptr) info.events.emplace_back(taken.type->name);
  if (lane_) lane_->describe(info);
  return info;
}

}  // namespace tidings::bus
