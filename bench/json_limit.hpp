#pragma once

#include <cstddef>
#include <string>

#include "order.hpp"

namespace bench {

/// What must stand behind a text that the limit reads.
inline constexpr std::size_t json_padding = 64;

/// The limit of reading: simdjson on demand, members by name in their order, from a buffer that is padded already.
///
/// A library of its own, compiled as simdjson's users do, with NDEBUG: with assertions simdjson checks each of its own
/// steps, which takes as long again, and its parser has members more. In one program with a unit that was compiled the
/// other way its inline functions would be mixed up.
[[gnu::visibility("default")]] bool read_by_simdjson(const std::string& text, Order& order);

}  // namespace bench
