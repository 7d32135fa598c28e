#include "dashboard/pauses.hpp"

#include "tidings/service/pausing.hpp"

namespace tidings::cli {

void Pauses::look(Broker& broker, const Common& common, const Observation& seen, Collector& collector) {
  const auto* const control = seen.topic(control_topic);
  const auto end = control == nullptr ? 0 : sum_of_ends(*control);
  if (end == read_to_) return;
  auto paused = Pausing::standing(broker, common.name_space);
  if (!paused) return;
  collector.set_paused(std::move(*paused));
  read_to_ = end;
}

}  // namespace tidings::cli
