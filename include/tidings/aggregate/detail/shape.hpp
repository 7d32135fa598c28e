#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tidings/base/key_hash.hpp"
#include "tidings/event/detail/json_types.hpp"
#include "tidings/event/detail/variant_names.hpp"

/// The shape of a type's JSON as a text, so that it is known whether what was written still means the same members.
namespace tidings::aggregate::detail {

namespace shapes = tidings::detail;

template <class T>
inline constexpr char shape_mark = 0;

struct Shape {
  std::string text;
  std::vector<const void*> open;  // structs that are being told: a struct may hold a vector of its own kind
};

template <class T>
void add_shape(Shape& out);

template <class T, std::size_t N>
void add_member(Shape& out) {
  out.text.append(member_names<T>[N]) += ':';
  add_shape<member_type<T, N>>(out);
  out.text += ',';
}
template <class T, std::size_t... I>
void add_members([[maybe_unused]] Shape& out, std::index_sequence<I...>) {
  (add_member<T, I>(out), ...);
}

template <class T>
void add_struct(Shape& out) {
  const void* const mark = &shape_mark<T>;
  if (const auto known = std::ranges::find(out.open, mark); known != out.open.end()) {
    out.text += '^' + std::to_string(known - out.open.begin());
    return;
  }
  out.open.push_back(mark);
  out.text += '{';
  add_members<T>(out, std::make_index_sequence<member_count<T>>{});
  out.text += '}';
  out.open.pop_back();
}

template <class... Ts>
void add_alternatives(Shape& out, const std::variant<Ts...>*) {
  ((out.text.append(shapes::alternative_name<Ts>()) += ':', add_shape<Ts>(out), out.text += '|'), ...);
}

template <class T>
void add_shape(Shape& out) {
  if constexpr (std::is_same_v<T, bool>)
    out.text += 'b';
  else if constexpr (std::is_enum_v<T>)
    out.text += 'e';
  else if constexpr (std::is_integral_v<T>)
    out.text += 'i';
  else if constexpr (std::is_floating_point_v<T>)
    out.text += 'f';
  else if constexpr (std::is_same_v<T, std::string>)
    out.text += 't';
  else if constexpr (std::is_same_v<T, std::monostate>)
    out.text += '0';
  else if constexpr (std::is_same_v<T, shapes::Bytes>)
    out.text += 'y';
  else if constexpr (shapes::is_time_point<T>)
    out.text += 'p';
  else if constexpr (shapes::is_duration<T>)
    out.text += 'd';
  else if constexpr (shapes::HasEventData<T>)
    add_shape<shapes::DataOf<T>>(out);
  else if constexpr (shapes::is_strong<T>)
    add_shape<shapes::StrongValue<T>>(out);
  else if constexpr (shapes::is_optional<T>)
    out.text += '?', add_shape<typename T::value_type>(out);
  else if constexpr (shapes::is_vector<T> || shapes::is_array<T>)
    out.text += '[', add_shape<typename T::value_type>(out), out.text += ']';
  else if constexpr (shapes::is_map<T>)
    out.text += '<', add_shape<typename T::key_type>(out), add_shape<typename T::mapped_type>(out), out.text += '>';
  else if constexpr (shapes::is_variant<T>)
    out.text += '(', add_alternatives(out, static_cast<const T*>(nullptr)), out.text += ')';
  else
    add_struct<T>(out);
}

template <class T>
std::int64_t shape_of() {
  Shape shape;
  add_shape<T>(shape);
  return static_cast<std::int64_t>(key_hash(shape.text));
}

}  // namespace tidings::aggregate::detail
