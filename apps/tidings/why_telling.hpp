#pragma once

#include <string>

#include "why_finding.hpp"

namespace tidings::cli {

/// What was found, for people; the same as a JSON document a place, or one of the outbox alone where no topic has it.
/// `has_stores`: databases were named.
[[nodiscard]] std::string why_text(const WhyFound& found, bool has_stores);
[[nodiscard]] std::string why_json(const WhyFound& found, const std::string& id);

}  // namespace tidings::cli
