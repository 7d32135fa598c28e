#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "tidings/event/reflect.hpp"

namespace tidings {

/// Said in place of a key: the order of these events does not matter.
struct Unordered {};
inline constexpr Unordered unordered{};

namespace detail {

template <class T>
inline constexpr bool is_key_value = std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view> ||
                                     (std::is_integral_v<T> && !std::is_same_v<T, bool>);

/// One slot for each type that a key may have: a pointer to member, or a function.
template <class T, class M>
struct KeySlot {
  M T::* member = nullptr;
  M (*function)(const T&) = nullptr;
};

template <class T>
using KeySlots = std::tuple<KeySlot<T, std::string>, KeySlot<T, std::string_view>, KeySlot<T, char>,
                            KeySlot<T, signed char>, KeySlot<T, unsigned char>, KeySlot<T, short>,
                            KeySlot<T, unsigned short>, KeySlot<T, int>, KeySlot<T, unsigned>, KeySlot<T, long>,
                            KeySlot<T, unsigned long>, KeySlot<T, long long>, KeySlot<T, unsigned long long>>;

inline std::string key_text(std::string_view text) {
  return std::string(text);
}
template <std::integral I>
std::string key_text(I number) {
  return std::to_string(number);
}

/// The key of an event of type T: a text or integer member, a static function, or `unordered`.
template <class T>
class KeyOf {
 public:
  constexpr KeyOf() = default;
  constexpr KeyOf(Unordered) : is_unordered_(true) {}  // NOLINT: spelled `.key = tidings::unordered`

  template <class M>
  constexpr KeyOf(M T::* member) : has_key_(true) {  // NOLINT: spelled `.key = &Event::member`
    static_assert(is_key_value<M>,
                  "the key of an event must be a text or an integer member, or a static function that returns one");
    if constexpr (is_key_value<M>) std::get<KeySlot<T, M>>(slots_).member = member;
  }
  template <class M>
  constexpr KeyOf(M (*function)(const T&)) : has_key_(true) {  // NOLINT: spelled `.key = &Event::function`
    static_assert(is_key_value<M>, "the function that gives the key of an event must return a text or an integer");
    if constexpr (is_key_value<M>) std::get<KeySlot<T, M>>(slots_).function = function;
  }

  [[nodiscard]] constexpr bool has_key() const { return has_key_; }
  [[nodiscard]] constexpr bool is_unordered() const { return is_unordered_; }

  [[nodiscard]] std::string of(const T& event) const {
    std::string text;
    std::apply([&](const auto&... slot) { (void)(read(slot, event, text) || ...); }, slots_);
    return text;
  }

 private:
  template <class M>
  static bool read(const KeySlot<T, M>& slot, const T& event, std::string& text) {
    if (slot.member != nullptr)
      text = key_text(event.*slot.member);
    else if (slot.function != nullptr)
      text = key_text(slot.function(event));
    else
      return false;
    return true;
  }

  KeySlots<T> slots_{};
  bool has_key_ = false;
  bool is_unordered_ = false;
};

}  // namespace detail

/// What an event says of itself, in its class: `static constexpr tidings::traits<OrderPlaced> event{.name = …, .topic =
/// …, .key = …};` All of it is optional.
template <class T>
struct traits {
  std::string_view name{};    ///< on the wire; else the qualified name with dots
  std::uint32_t version = 1;  ///< raised when the members' meaning changes
  std::string_view topic{};   ///< else the name
  detail::KeyOf<T> key{};     ///< events of one key keep their order
};

/// For types that cannot be edited: specialise with a member `static constexpr tidings::traits<T> event{…}`.
template <class T>
struct event_traits {};

namespace detail {

template <class T>
consteval traits<T> traits_of() {
  if constexpr (requires { event_traits<T>::event; }) {
    static_assert(std::is_same_v<std::remove_const_t<decltype(event_traits<T>::event)>, traits<T>>,
                  "event_traits<T>::event must be a tidings::traits<T> of the same T");
    return event_traits<T>::event;
  } else if constexpr (requires { T::event; }) {
    constexpr bool right = std::is_same_v<std::remove_const_t<decltype(T::event)>, traits<T>>;
    static_assert(right,
                  "the member 'event' of an event must be a static constexpr tidings::traits of that very class");
    if constexpr (right)
      return T::event;
    else
      return {};
  } else {
    return {};
  }
}

/// Only `identifier::identifier…`: compilers disagree on how they spell anything else.
consteval bool is_plain_name(std::string_view name) {
  for (const char c : name)
    if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == ':'))
      return false;
  return !name.empty();
}

template <class T>
consteval auto make_dotted_name() {
  constexpr auto name = type_name<T>;
  static_assert(is_plain_name(name),
                "a local, template or anonymous event type must name itself: static constexpr tidings::traits<T> "
                "event{.name = …}");
  std::array<char, name.size() + 1> dotted{};
  std::size_t size = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == ':')
      dotted[size++] = '.', ++i;
    else
      dotted[size++] = name[i];
  }
  return std::pair{dotted, size};
}
template <class T>
inline constexpr auto dotted_name = make_dotted_name<T>();

}  // namespace detail

/// Whether `T`'s wire name comes from its C++ name, and changes with it.
template <class T>
inline constexpr bool has_default_name = detail::traits_of<T>().name.empty();

/// The wire name: `shop.OrderPlaced`, or what the traits say.
template <class T>
constexpr std::string_view event_name() {
  if constexpr (!has_default_name<T>)
    return detail::traits_of<T>().name;
  else
    return {detail::dotted_name<T>.first.data(), detail::dotted_name<T>.second};
}

template <class T>
constexpr std::uint32_t event_version() {
  return detail::traits_of<T>().version;
}

/// The topic: the traits' topic, else the wire name.
template <class T>
constexpr std::string_view event_topic() {
  if constexpr (!detail::traits_of<T>().topic.empty())
    return detail::traits_of<T>().topic;
  else
    return event_name<T>();
}

template <class T>
inline constexpr bool has_key = detail::traits_of<T>().key.has_key();
/// Whether `T` says that its order does not matter.
template <class T>
inline constexpr bool is_unordered = detail::traits_of<T>().key.is_unordered();

/// The key of `event` as text; empty where it has none.
template <class T>
std::string event_key(const T& event) {
  static constexpr auto traits = detail::traits_of<T>();
  return traits.key.of(event);
}

}  // namespace tidings
