#pragma once

#include <array>
#include <span>
#include <string_view>

#include "service/task.hpp"
#include "tidings/base/log_sink.hpp"

namespace tidings::service {

/// What a line about an event is about. Refers to the task.
class EventFields {
 public:
  EventFields(const Task& task, std::string_view handler) {
    const auto& envelope = task.delivery.envelope;
    const bool traced = parse_trace_parent(envelope.trace_parent).has_value();
    all_ = {LogField{"handler", handler},
            LogField{"event_id", envelope.id},
            LogField{"event_type", envelope.type},
            LogField{"correlation_id", envelope.correlation_id},
            LogField{"causation_id", envelope.causation_id},
            LogField{"trace_id", traced ? envelope.trace_parent.substr(3, 32) : std::string_view{}},
            LogField{"span_id", traced ? envelope.trace_parent.substr(36, 16) : std::string_view{}}};
  }
  operator std::span<const LogField>() const { return all_; }  // NOLINT: it is one

 private:
  std::array<LogField, 7> all_;
};

}  // namespace tidings::service
