#include "tidings/ops/bus_metrics.hpp"

#include <algorithm>

#include "tidings/bus/bus.hpp"
#include "tidings/ops/metrics.hpp"

namespace tidings::ops {

namespace {

bool is_direct(const SubscriptionInfo& one) {
  return !one.middleware && !one.queued;
}

std::vector<Sample> count_kinds(const Bus& bus, const std::string& name) {
  const auto all = bus.subscriptions();
  const auto sample = [&](const char* kind, auto is) {
    return Sample{{{"bus", name}, {"kind", kind}}, static_cast<double>(std::ranges::count_if(all, is))};
  };
  return {sample("direct", is_direct), sample("middleware", &SubscriptionInfo::middleware),
          sample("queued", &SubscriptionInfo::queued)};
}

template <class Member>
std::vector<Sample> of_queued(const Bus& bus, const std::string& name, Member member) {
  std::vector<Sample> samples;
  for (const auto& one : bus.subscriptions())
    if (one.queued) samples.push_back({{{"bus", name}, {"subscription", one.name}}, static_cast<double>(one.*member)});
  return samples;
}

}  // namespace

void add_bus_metrics(Metrics& metrics, const Bus& bus, std::string name) {
  metrics.gauges_of("tidings_bus_subscriptions", "What is subscribed on a bus.",
                    [&bus, name] { return count_kinds(bus, name); });
  const auto read = [&](auto member) { return [&bus, name, member] { return of_queued(bus, name, member); }; };
  using Info = SubscriptionInfo;
  metrics.gauges_of("tidings_bus_pending_events", "Events in the queue, and in the handler.", read(&Info::pending));
  metrics.gauges_of("tidings_bus_capacity_events", "What the queue can hold.", read(&Info::capacity));
  metrics.counters_of("tidings_bus_handled_events_total", "Events that were handled.", read(&Info::handled));
  metrics.counters_of("tidings_bus_failed_events_total", "Events whose handler failed.", read(&Info::failed));
  metrics.counters_of("tidings_bus_dropped_events_total", "Events that made room for newer ones.",
                      read(&Info::dropped));
  metrics.counters_of("tidings_bus_refused_publishes_total", "Publishes that found the queue full.",
                      read(&Info::refused));
}

}  // namespace tidings::ops
