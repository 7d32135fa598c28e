#pragma once

#include <string>

namespace tidings {
class Bus;
}

namespace tidings::ops {

class Metrics;

/// Shows what the bus' subscriptions do, asked whenever somebody scrapes, so that publishing costs nothing more. `name`
/// tells the buses of a process apart; of several subscriptions of one name the sum is shown. The bus must outlive the
/// registry; the same bus is given once.
///
///   tidings::Bus bus;
///   auto service = tidings::Service::create({.name = "orders"}).or_throw();
///   tidings::ops::add_bus_metrics(service.metrics(), bus);
///
/// `tidings_bus_subscriptions` counts them by `kind` (`direct`, `queued`, `middleware`); of the queued ones, by
/// `subscription`: `tidings_bus_pending_events`, `tidings_bus_capacity_events`, `tidings_bus_handled_events_total`,
/// `tidings_bus_failed_events_total`, `tidings_bus_dropped_events_total`, `tidings_bus_refused_publishes_total`.
/// Handlers that run within `publish` tell their failures to who publishes, and are not counted. Thread-safe.
void add_bus_metrics(Metrics& metrics, const Bus& bus, std::string name = "bus");

}  // namespace tidings::ops
