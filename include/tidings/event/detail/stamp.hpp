#pragma once

#include <array>
#include <string_view>

#include "tidings/base/clock.hpp"
#include "tidings/base/entropy.hpp"
#include "tidings/event/envelope.hpp"

namespace tidings::detail {

/// What every envelope has of its own, in place: nothing is allocated.
struct Stamp {
  std::array<char, 36> id;            ///< UUIDv7
  std::array<char, 55> trace_parent;  ///< W3C Trace Context, version 00
  TimePoint time;

  [[nodiscard]] std::string_view id_text() const { return {id.data(), id.size()}; }
  [[nodiscard]] std::string_view trace_text() const { return {trace_parent.data(), trace_parent.size()}; }
};

/// A new span of the cause's trace where that is valid, else of a new trace.
[[nodiscard]] Stamp make_stamp(const EnvelopeView* cause, Clock& clock, Entropy& entropy);

}  // namespace tidings::detail
