#pragma once

#include <cstdint>

#include "dashboard/collector.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::cli {

/// Tells a collector what is paused by request. Requests stand in the topic `tidings.control`, which is short and
/// seldom grows: it is read only when it has. Not thread-safe.
class Pauses {
 public:
  /// Where it cannot be read the collector keeps what it knew, and the next look tries again.
  void look(Broker& broker, const Common& common, const Observation& seen, Collector& collector);

 private:
  std::uint64_t read_to_ = ~std::uint64_t{0};  // the sum of the topic's ends
};

}  // namespace tidings::cli
