#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings {

/// Turns events into bytes and back. Stateless: everything is static.
template <class C, class Event>
concept Codec = requires(const Event& event, std::string& out, std::string_view bytes) {
  { C::content_type } -> std::convertible_to<std::string_view>;
  { C::encode(event, out) } -> std::same_as<Result<>>;  // appends
  { C::template decode<Event>(bytes) } -> std::same_as<Result<Event>>;
};

}  // namespace tidings
