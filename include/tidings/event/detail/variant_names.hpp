#pragma once

#include <array>
#include <string_view>
#include <type_traits>
#include <variant>

#include "tidings/event/detail/json_types.hpp"
#include "tidings/event/traits.hpp"

// What `type` says of a variant's alternative.

namespace tidings::detail {

/// Empty where `T` can be no alternative. Structs, enums and classes are called as events are; a strong type from a
/// template, which has no plain name, is called as its member.
template <class T>
consteval std::string_view alternative_name() {
  if constexpr (std::is_same_v<T, std::monostate>)
    return "null";
  else if constexpr (std::is_same_v<T, bool>)
    return "bool";
  else if constexpr (is_integer<T>)
    return "integer";
  else if constexpr (std::is_floating_point_v<T>)
    return "number";
  else if constexpr (std::is_same_v<T, std::string>)
    return "text";
  else if constexpr (std::is_same_v<T, Bytes>)
    return "bytes";
  else if constexpr (is_time_point<T>)
    return "time";
  else if constexpr (is_duration<T>)
    return "duration";
  else if constexpr (is_vector<T> || is_array<T>)
    return "array";
  else if constexpr (is_map<T>)
    return "object";
  else if constexpr (is_optional<T> || is_variant<T>)
    return {};
  else if constexpr (std::is_enum_v<T>)
    return DefaultName<T>::dotted;
  else if constexpr (is_strong<T> && strong_is_right<T>() && has_default_name<T> && !is_plain_name(type_name<T>))
    return alternative_name<StrongValue<T>>();
  else
    return event_name<T>();
}

template <class Variant>
struct VariantNames;
/// The names of a variant's alternatives; says what is wrong with them.
template <class... Ts>
struct VariantNames<std::variant<Ts...>> {
  static constexpr std::array<std::string_view, sizeof...(Ts)> names{alternative_name<Ts>()...};
  static constexpr bool named = [] {
    for (const auto name : names)
      if (name.empty()) return false;
    return true;
  }();
  static constexpr bool unique = [] {
    for (std::size_t i = 0; i < names.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (names[i] == names[j]) return false;
    return true;
  }();
  static_assert(named, "tidings: the alternatives of a variant are not optional and not variants; use std::monostate");
  static_assert(!named || unique,
                "tidings: two alternatives of this variant have one name in JSON; make one a struct of its own, or "
                "name it in its traits");
};

}  // namespace tidings::detail
