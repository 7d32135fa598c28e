#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <charconv>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "tidings/base/time.hpp"
#include "tidings/event/detail/fits.hpp"
#include "tidings/event/detail/json_types.hpp"
#include "tidings/event/detail/json_value.hpp"
#include "tidings/event/detail/variant_names.hpp"

// From JSON into a value, straight. Each function returns false where the document does not fit, and has noted why.

namespace tidings::detail {

bool read_json_bytes(JsonValue& value, Bytes& bytes);
bool read_json_time(JsonValue& value, TimePoint& time);
bool read_json_duration(JsonValue& value, Duration& duration);
/// Which of `names` the text is, by its index.
bool read_json_name(JsonValue& value, std::span<const std::string_view> names, std::size_t& index);
bool fail_name(JsonValue& value, std::string_view code, std::string_view got, std::span<const std::string_view> names);
bool fail_twice(JsonValue& value);
bool fail_range(JsonValue& value, std::string_view got, std::size_t bits);
bool fail_inside(JsonValue& value, std::string_view member);
/// The same where the name came with the data.
bool fail_inside_data(JsonValue& value, std::string_view name);
bool fail_count(JsonValue& value, std::string_view which, std::size_t wanted);

template <class T>
bool read_json_value(JsonValue& value, T& out);
/// `Class` from its data; `Out` is it, or an optional of it.
template <class Class, class Out>
bool read_json_data(JsonValue& value, Out& out);

/// Reads a new value; `emplace()` makes room for it, or `emplace(T)` takes it where it cannot be made empty.
template <class T, class Emplace>
bool read_json_new(JsonValue& value, Emplace emplace) {
  if constexpr (std::default_initializable<T>) {
    return read_json_value(value, emplace());
  } else if constexpr (HasEventData<T>) {
    std::optional<T> made;
    if (!read_json_data<T>(value, made)) return false;
    emplace(std::move(*made));
    return true;
  } else {
    if constexpr (PlainStruct<T>)
      (void)member_count<T>;  // says what is wrong with it
    else
      (void)MemberWithoutJson<T, MemberName<0>{}, Offender<T>>{};
    return false;
  }
}

template <class T>
bool read_json_integer(JsonValue& value, T& out) {
  std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t> wide = 0;
  if (!value.integer(wide)) return false;
  if (wide < std::numeric_limits<T>::min() || wide > std::numeric_limits<T>::max())
    return fail_range(value, std::to_string(wide), sizeof(T) * 8);
  out = static_cast<T>(wide);
  return true;
}

template <class T>
bool read_json_float(JsonValue& value, T& out) {
  double wide = 0;
  if (!value.number(wide)) return false;
  if constexpr (std::is_same_v<T, float>) {
    constexpr double most = std::numeric_limits<float>::max();
    // Halfway to the next one, if there was one. The shortest text of the largest float is a little more than that is.
    constexpr double beyond = 0x1.ffffffp127;
    if (wide >= beyond || wide <= -beyond) return value.fail("out_of_range", "the number does not fit a float");
    wide = std::clamp(wide, -most, most);
  }
  out = static_cast<T>(wide);
  return true;
}

template <class T>
inline constexpr auto enumerator_names = [] {
  std::array<std::string_view, enumerators<T>.size()> names{};
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = enumerators<T>[i].name;
  return names;
}();

template <class T>
struct StructReading {
  T& out;
  std::bitset<(member_count<T> > 0 ? member_count<T> : 1)> seen;
};

template <class Member>
bool read_json_member(JsonValue& value, Member& member, bool seen_before) {
  return seen_before ? fail_twice(value) : read_json_value(value, member);
}

template <class T>
bool read_json_named(void* context, std::string_view name, JsonValue& inner) {
  auto& self = *static_cast<StructReading<T>*>(context);
  return with_members(self.out, [&]<class... Members>(Members&... members) {
    if constexpr (members_have_json<Members...>) {
      bool read = false;
      const bool known = [&]<std::size_t... I>(std::index_sequence<I...>) {
        return ((member_names<T>[I] == name &&
                 (read = read_json_member(inner, members, self.seen.test(I)), self.seen.set(I), true)) ||
                ...);
      }(std::index_sequence_for<Members...>{});
      if (!known) read = inner.skip();
      return read || (known ? fail_inside(inner, name) : fail_inside_data(inner, name));
    } else {
      refuse_members<T, Members...>();
      return false;
    }
  });
}

template <class T>
bool read_json_list(JsonValue& value, T& out) {
  out.clear();
  return value.array(
      [](void* context, JsonValue& element) {
        auto& into = *static_cast<T*>(context);
        // Lists in events are short: one allocation instead of three for up to four small elements.
        if (sizeof(typename T::value_type) <= 64 && into.capacity() == 0) into.reserve(4);
        if constexpr (std::is_same_v<typename T::value_type, bool>) {
          bool one = false;
          if (!read_json_value(element, one)) return false;
          into.push_back(one);
          return true;
        } else {
          return read_json_new<typename T::value_type>(element, [&]<class... Made>(Made&&... made) -> auto& {
            return into.emplace_back(std::forward<Made>(made)...);
          });
        }
      },
      &out);
}

template <class T>
bool read_json_array(JsonValue& value, T& out) {
  struct Reading {
    T& out;
    std::size_t next = 0;
  } reading{out};
  if (!value.array(
          [](void* context, JsonValue& element) {
            auto& self = *static_cast<Reading*>(context);
            if (self.next == self.out.size()) return fail_count(element, "more", self.out.size());
            return read_json_value(element, self.out[self.next++]);
          },
          &reading))
    return false;
  return reading.next == out.size() || fail_count(value, "fewer", out.size());
}

/// The key of a map from the name of a member.
template <class K>
bool read_json_key(JsonValue& value, std::string_view name, K& key) {
  if constexpr (is_strong<K>) {
    return read_json_key(value, name, strong_value(key));
  } else if constexpr (std::is_enum_v<K>) {
    for (const auto& one : enumerators<K>)
      if (one.name == name) {
        key = one.value;
        return true;
      }
    return fail_name(value, "unknown_enumerator", name, enumerator_names<K>);
  } else if constexpr (is_integer<K>) {
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), key);
    if (error == std::errc::result_out_of_range) return fail_range(value, name, sizeof(K) * 8);
    // One number has one name: neither 07 nor -0.
    if (error != std::errc{} || std::to_string(key) != name)
      return value.fail("wrong_type", "the name of this member is no integer");
    return true;
  } else {
    key = name;
    return true;
  }
}

template <class T>
bool read_json_map(JsonValue& value, T& out) {
  out.clear();
  return value.object(
      [](void* context, std::string_view name, JsonValue& inner) {
        auto& into = *static_cast<T*>(context);
        typename T::key_type key{};
        const auto read = [&] {
          if (!read_json_key(inner, name, key)) return false;
          if (into.contains(key)) return fail_twice(inner);
          return read_json_new<typename T::mapped_type>(inner, [&]<class... Made>(Made&&... made) -> auto& {
            return into.try_emplace(std::move(key), std::forward<Made>(made)...).first->second;
          });
        };
        return read() || fail_inside_data(inner, name);
      },
      &out);
}

template <class T>
struct VariantReading {
  T& out;
  std::size_t index = 0;
  bool has_type = false;
  bool has_value = false;
};

template <class T>
bool read_json_alternative(JsonValue& value, T& out, std::size_t index) {
  bool read = false;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto one = [&]<std::size_t N>(std::integral_constant<std::size_t, N>) {
      read = read_json_new<std::variant_alternative_t<N, T>>(value, [&]<class... Made>(Made&&... made) -> auto& {
        return out.template emplace<N>(std::forward<Made>(made)...);
      });
      return true;
    };
    (void)((I == index && one(std::integral_constant<std::size_t, I>{})) || ...);
  }(std::make_index_sequence<std::variant_size_v<T>>{});
  return read;
}

template <class T>
bool read_json_variant(JsonValue& value, T& out) {
  VariantReading<T> reading{out};
  const auto type = [](void* context, std::string_view text, JsonValue& inner) {
    auto& self = *static_cast<VariantReading<T>*>(context);
    const auto& names = VariantNames<T>::names;
    while (self.index < names.size() && names[self.index] != text) ++self.index;
    return self.index < names.size() || fail_name(inner, "unknown_alternative", text, names);
  };
  const auto member = [](void* context, std::string_view name, JsonValue& inner) {
    auto& self = *static_cast<VariantReading<T>*>(context);
    const bool is_type = name == "type", is_value = name == "value";
    const auto read = [&] {
      if (!is_type && !is_value) return inner.skip();
      if (std::exchange(is_type ? self.has_type : self.has_value, true)) return fail_twice(inner);
      return is_type ? inner.skip() : read_json_alternative(inner, self.out, self.index);
    };
    return read() || (is_type || is_value ? fail_inside(inner, name) : fail_inside_data(inner, name));
  };
  if (!value.tagged("type", type, member, &reading)) return false;
  return reading.has_value || value.fail("missing_member", "a variant has a member 'value'");
}

/// What a coarser unit cannot hold is dropped, towards the past.
template <class D>
bool narrow(Duration wide, D& out) {
  if constexpr (std::is_floating_point_v<typename D::rep>) {
    out = std::chrono::duration_cast<D>(wide);
    return true;
  } else {
    using Whole = std::chrono::duration<std::int64_t, typename D::period>;
    if (!fits<Whole>(wide)) return false;
    const auto whole = std::chrono::floor<Whole>(wide);
    if (!std::in_range<typename D::rep>(whole.count())) return false;
    out = D(static_cast<typename D::rep>(whole.count()));
    return true;
  }
}

template <class T, class Out>
bool read_json_data(JsonValue& value, Out& out) {
  if constexpr (data_is_right<T>()) {
    DataOf<T> plain{};
    if (!read_json_value(value, plain)) return false;
    auto made = made_from<T>(std::move(plain));
    if constexpr (is_result<decltype(made)>) {
      if (!made) return value.fail(made.error().code, made.error().message);
      out = std::move(*made);
    } else {
      out = std::move(made);
    }
    return true;
  } else {
    (void)EventDataPair<T>{};
    return false;
  }
}
template <class T>
bool read_json_value(JsonValue& value, T& out) {
  if constexpr (std::is_same_v<T, bool>) {
    return value.boolean(out);
  } else if constexpr (std::is_same_v<T, std::monostate>) {
    return value.null() || value.fail("wrong_type", "expected null");
  } else if constexpr (!has_json<T>) {
    (void)MemberWithoutJson<T, MemberName<0>{}, Offender<T>>{};
    return false;
  } else if constexpr (std::is_enum_v<T>) {
    std::size_t index = 0;
    if (!read_json_name(value, enumerator_names<T>, index)) return false;
    out = enumerators<T>[index].value;
    return true;
  } else if constexpr (is_integer<T>) {
    return read_json_integer(value, out);
  } else if constexpr (std::is_floating_point_v<T>) {
    return read_json_float(value, out);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value.text(out);
  } else if constexpr (std::is_same_v<T, Bytes>) {
    return read_json_bytes(value, out);
  } else if constexpr (HasEventData<T>) {
    return read_json_data<T>(value, out);
  } else if constexpr (is_strong<T>) {
    if constexpr (strong_is_right<T>())
      return read_json_value(value, strong_value(out));
    else
      (void)StrongStruct<T>{};
    return false;
  } else if constexpr (is_optional<T>) {
    if (value.null()) {
      out.reset();
      return true;
    }
    return read_json_new<typename T::value_type>(
        value, [&]<class... Made>(Made&&... made) -> auto& { return out.emplace(std::forward<Made>(made)...); });
  } else if constexpr (is_vector<T>) {
    return read_json_list(value, out);
  } else if constexpr (is_array<T>) {
    return read_json_array(value, out);
  } else if constexpr (is_map<T>) {
    return read_json_map(value, out);
  } else if constexpr (is_variant<T>) {
    return read_json_variant(value, out);
  } else if constexpr (is_duration<T>) {
    Duration wide{};
    if (!read_json_duration(value, wide)) return false;
    return narrow(wide, out) || value.fail("out_of_range", "the duration does not fit");
  } else if constexpr (is_time_point<T>) {
    TimePoint wide;
    if (!read_json_time(value, wide)) return false;
    typename T::duration since{};
    if (!narrow(wide.time_since_epoch(), since)) return value.fail("out_of_range", "the time does not fit");
    out = T(since);
    return true;
  } else {
    StructReading<T> reading{out, {}};
    if constexpr (member_count<T> == 0)
      return value.object(
          [](void*, std::string_view name, JsonValue& inner) { return inner.skip() || fail_inside_data(inner, name); },
          nullptr);
    else
      return value.object(read_json_named<T>, &reading);
  }
}

}  // namespace tidings::detail
