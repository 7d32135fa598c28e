#pragma once

#include <string>
#include <string_view>

#include "showing.hpp"
#include "tidings/broker/types.hpp"

namespace tidings::cli {

/// In lists an event's data, and its headers, are there only up to so many bytes each.
inline constexpr std::size_t listed_bytes_max = 2048;

enum class Wholeness { listed, whole };
/// The event as the contract of the page has it, on one line, as `showing` has it. `topic` is its name without the
/// namespace.
[[nodiscard]] std::string event_json(const Delivery& delivery, std::string_view topic, Wholeness wholeness,
                                     const Showing& showing = {});

/// A JSON value on one line; of what is none, the text as a JSON text.
[[nodiscard]] std::string json_on_a_line(std::string_view json);

}  // namespace tidings::cli
