#pragma once

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>

#include "tidings/base/result.hpp"
#include "tidings/base/uuid.hpp"

namespace tidings {

/// How a class with private members is written and read: by a pair of functions, as data of a type that has JSON.
///
///     class Money {
///      public:
///       std::int64_t to_event_data() const { return minor_; }
///       static tidings::Result<Money> from_event_data(std::int64_t minor);   // or: static Money from_event_data(…)
///
/// For a class that cannot be edited: a specialisation of `event_data` with `static Plain to(const T&)` and `static T
/// from(Plain)`. An error of `from` is told with the path.
template <class T>
struct event_data {};

/// As the text that people write. Error `invalid_uuid` (never).
template <>
struct event_data<Uuid> {
  static std::string to(const Uuid& uuid) { return uuid.to_string(); }
  static Result<Uuid> from(const std::string& text) {
    const auto uuid = Uuid::parse(text);
    if (!uuid) return Error{"invalid_uuid", "a UUID is 36 characters, as 01234567-89ab-7cde-8f01-23456789abcd"};
    return *uuid;
  }
};

namespace detail {

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<Result<T>> = true;

template <class T>
concept HasDataMember = requires(const T& value) { value.to_event_data(); };
template <class T>
concept HasDataAbroad = requires(const T& value) { event_data<T>::to(value); };
/// Half of a pair counts too: what is missing is then told.
template <class T>
concept HasEventData =
    HasDataMember<T> || HasDataAbroad<T> || requires { &T::from_event_data; } || requires { &event_data<T>::from; };

template <class T>
decltype(auto) as_data(const T& value) {
  if constexpr (HasDataAbroad<T>)
    return event_data<T>::to(value);
  else
    return value.to_event_data();
}
template <class T, class Plain>
decltype(auto) made_from(Plain&& plain) {
  if constexpr (HasDataAbroad<T>)
    return event_data<T>::from(std::forward<Plain>(plain));
  else
    return T::from_event_data(std::forward<Plain>(plain));
}

template <class T>
inline constexpr bool has_to = HasDataMember<T> || HasDataAbroad<T>;
struct NoData {};
template <class T>
consteval auto data_of() {
  if constexpr (has_to<T>)
    return std::type_identity<std::remove_cvref_t<decltype(as_data(std::declval<const T&>()))>>{};
  else
    return std::type_identity<NoData>{};
}
/// What `to_event_data` returns.
template <class T>
using DataOf = typename decltype(data_of<T>())::type;

template <class T>
consteval bool takes_data() {
  if constexpr (HasDataAbroad<T>)
    return requires(DataOf<T>&& plain) { event_data<T>::from(std::move(plain)); };
  else
    return requires(DataOf<T>&& plain) { T::from_event_data(std::move(plain)); };
}
template <class T>
consteval bool makes_itself() {
  if constexpr (takes_data<T>()) {
    using Made = decltype(made_from<T>(std::declval<DataOf<T>>()));
    return std::same_as<Made, T> || std::same_as<Made, Result<T>>;
  } else {
    return false;
  }
}
template <class T>
consteval bool data_is_right() {
  if constexpr (!has_to<T> || std::same_as<DataOf<T>, T> || std::is_void_v<DataOf<T>>)
    return false;
  else
    return makes_itself<T>();
}

/// Says what is wrong with the pair of functions of a class.
template <class Class>
struct EventDataPair {
  static constexpr bool to = has_to<Class>;
  static constexpr bool other = !to || !(std::same_as<DataOf<Class>, Class> || std::is_void_v<DataOf<Class>>);
  static constexpr bool from = [] {
    if constexpr (to && other)
      return takes_data<Class>();
    else
      return true;
  }();
  static_assert(to,
                "tidings: a class with from_event_data also needs its other half: a public const member function "
                "to_event_data(), or event_data<T>::to(const T&)");
  static_assert(other, "tidings: to_event_data() returns the data of the class as another type, which has JSON");
  static_assert(from,
                "tidings: a class with to_event_data() also needs its other half: a public static "
                "from_event_data(…), or event_data<T>::from(…), that takes what to_event_data() returns");
  static_assert(!to || !other || !from || data_is_right<Class>(),
                "tidings: from_event_data returns the class, or a tidings::Result of it");
};

}  // namespace detail

}  // namespace tidings
