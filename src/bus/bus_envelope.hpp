#pragma once

#include <array>
#include <string_view>

#include "tidings/event/detail/stamp.hpp"

namespace tidings::bus {

/// The envelope of one publish on a bus, in place. Its causes are envelopes of a bus too, so all ids are as long.
struct BusEnvelope {
  detail::Stamp stamp;
  std::array<char, 36> correlation_id;
  std::array<char, 36> causation_id;
  bool caused = false;

  BusEnvelope(const EnvelopeView* cause, Clock& clock, Entropy& entropy)
      : stamp(detail::make_stamp(cause, clock, entropy)), caused(cause != nullptr) {
    (caused ? cause->correlation_id : stamp.id_text()).copy(correlation_id.data(), correlation_id.size());
    if (caused) cause->id.copy(causation_id.data(), causation_id.size());
  }

  /// Valid as long as this is.
  [[nodiscard]] EnvelopeView view(std::string_view type) const {
    EnvelopeView view{.id = stamp.id_text(), .type = type, .source = "bus"};
    view.correlation_id = {correlation_id.data(), correlation_id.size()};
    if (caused) view.causation_id = {causation_id.data(), causation_id.size()};
    view.trace_parent = stamp.trace_text();
    view.time = stamp.time;
    return view;
  }
};

}  // namespace tidings::bus
