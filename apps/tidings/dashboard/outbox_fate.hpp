#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tidings/outbox/parked.hpp"

namespace tidings::cli {

[[nodiscard]] std::string_view name_of(outbox::OutboxEvent::State state);
/// Why it stands in the outbox still, without a full stop.
[[nodiscard]] std::string sentence_of(const outbox::OutboxEvent& one);
/// `[{"id","type","topic","key","status","reason","effect","since"}]`
[[nodiscard]] std::string outbox_events_json(const std::vector<outbox::OutboxEvent>& all);

}  // namespace tidings::cli
