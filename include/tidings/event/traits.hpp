#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "tidings/base/time.hpp"
#include "tidings/event/key.hpp"
#include "tidings/event/redacted.hpp"
#include "tidings/event/reflect.hpp"

namespace tidings {

/// What an event says of itself, in its class: `static constexpr tidings::traits<OrderPlaced> event{.name = …, .topic =
/// …, .key = …};` All of it is optional.
template <class T>
struct traits {
  std::string_view name{};           ///< on the wire; else the qualified name with dots
  std::uint32_t version = 1;         ///< raised when the members' meaning changes
  std::string_view topic{};          ///< else the name
  detail::KeyOf<T> key{};            ///< events of one key keep their order
  Duration ttl{};                    ///< so long after it happened it is still worth handling; nothing: for ever
  bool encrypted = false;            ///< its payload is sealed before it leaves the process, or it does not leave
  detail::RedactedOf<T> redacted{};  ///< members that are shown as `***`: `tidings::redact<&Event::member, …>`
};

/// For types that cannot be edited: specialise with a member `static constexpr tidings::traits<T> event{…}`.
template <class T>
struct event_traits {
  using is_primary = void;
};

namespace detail {

template <class T>
inline constexpr bool is_traits = false;
template <class T>
inline constexpr bool is_traits<traits<T>> = true;

/// A member `event` of any kind, also one that cannot be reached: then the name of this one is ambiguous in `Both`.
struct NamedEvent {
  int event;
};
template <class T>
struct Both : T, NamedEvent {};
template <class T>
concept HasNamedEvent = !requires { &Both<T>::event; };

template <class T, class In>
concept IsUsable = requires { typename std::integral_constant<std::uint32_t, traits<T>(In::event).version>; };

/// A member of that name that is data of the event: not static, and no traits.
template <class T>
concept EventIsData =
    std::is_member_object_pointer_v<decltype(&T::event)> && !is_traits<std::remove_cvref_t<decltype(T::event)>>;

enum class TraitsFlaw { none, other_class, other_type, not_static, not_constexpr, unreached, abroad_without, twice };

template <class T>
struct LookedTraits {
  traits<T> given{};
  TraitsFlaw flaw = TraitsFlaw::none;
};

/// Traits stand in `In`, which is the event's class or its `event_traits`.
template <class T, class In>
consteval LookedTraits<T> traits_in() {
  using Given = std::remove_cvref_t<decltype(In::event)>;
  if constexpr (!is_traits<Given>)
    return {.flaw = TraitsFlaw::other_type};
  else if constexpr (!std::is_same_v<Given, traits<T>>)
    return {.flaw = TraitsFlaw::other_class};
  else if constexpr (std::is_member_object_pointer_v<decltype(&In::event)>)
    return {.flaw = TraitsFlaw::not_static};
  else if constexpr (!IsUsable<T, In>)
    return {.flaw = TraitsFlaw::not_constexpr};
  else
    return {.given = In::event};
}

template <class T>
consteval LookedTraits<T> look_at_traits() {
  constexpr bool in_class = requires { T::event; } && !EventIsData<T>;
  if constexpr (!requires { typename event_traits<T>::is_primary; }) {
    if constexpr (in_class)
      return {.flaw = TraitsFlaw::twice};
    else if constexpr (requires { event_traits<T>::event; })
      return traits_in<T, event_traits<T>>();
    else
      return {.flaw = TraitsFlaw::abroad_without};
  } else if constexpr (in_class) {
    return traits_in<T, T>();
  } else if constexpr (std::is_class_v<T> && !std::is_final_v<T> && !requires { T::event; }) {
    return {.flaw = HasNamedEvent<T> ? TraitsFlaw::unreached : TraitsFlaw::none};
  } else {
    return {};
  }
}

/// As `validate_name` has it: what brokers take as a topic.
consteval bool is_broker_name(std::string_view name) {
  for (const char c : name)
    if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
          c == '-'))
      return false;
  return !name.empty() && name.size() <= 200 && name != "." && name != ".." && name.front() != '-';
}
/// `""` is given, and empty; what nobody gave has no data.
consteval bool is_left_out(std::string_view name) {
  return name.data() == nullptr;
}

template <class T>
inline constexpr LookedTraits<T> looked_traits = look_at_traits<T>();

/// The traits of `Event`; says what is wrong with them.
template <class Event>
struct EventTraits {
  static constexpr auto& given = looked_traits<Event>.given;
  static constexpr auto flaw = looked_traits<Event>.flaw;
  static_assert(flaw != TraitsFlaw::other_class,
                "tidings: the traits of an event are a tidings::traits of its own class, and these are of another");
  static_assert(flaw != TraitsFlaw::other_type,
                "tidings: the static member 'event' of an event is its tidings::traits; call this one otherwise");
  static_assert(flaw != TraitsFlaw::not_static,
                "tidings: the traits of an event must be static: static constexpr tidings::traits");
  static_assert(flaw != TraitsFlaw::not_constexpr,
                "tidings: the traits of an event must be constexpr: static constexpr tidings::traits");
  static_assert(flaw != TraitsFlaw::unreached,
                "tidings: the member 'event' of an event must be public, and have no error of its own");
  static_assert(flaw != TraitsFlaw::abroad_without,
                "tidings: a specialisation of tidings::event_traits has a public member 'static constexpr "
                "tidings::traits<T> event'");
  static_assert(flaw != TraitsFlaw::twice,
                "tidings: an event has its traits in its class or in event_traits, not in both");
  static constexpr bool name_fits = is_left_out(given.name) || is_broker_name(given.name);
  static constexpr bool topic_fits = is_left_out(given.topic) || is_broker_name(given.topic);
  static_assert(name_fits,
                "tidings: the name of an event is 1 to 200 of A-Z a-z 0-9 . _ - without a leading -; no broker takes "
                "this one");
  static_assert(topic_fits,
                "tidings: the topic of an event is 1 to 200 of A-Z a-z 0-9 . _ - without a leading -; no broker takes "
                "this one");
  static_assert(given.ttl >= Duration::zero(), "tidings: the time to live of an event cannot be negative");
  static_assert(
      !given.redacted.has_key_of(given.key),
      "tidings: the key of an event cannot be redacted, since it travels in the open; take another key, such as "
      "an id");
  static_assert(given.version >= 1 && given.version <= 0x7fffffff,
                "tidings: the version of an event is at least 1 (and at most 2147483647)");
};

/// Only `identifier::identifier…`: compilers disagree on how they spell anything else.
consteval bool is_plain_name(std::string_view name) {
  for (const char c : name)
    if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == ':'))
      return false;
  return !name.empty();
}

#if defined(__clang__)
/// clang spells a local type without its function, as if it stood in no namespace, but not the type's functions.
template <auto Function>
consteval std::string_view text_of_function() {
  return __PRETTY_FUNCTION__;
}
template <class T>
consteval bool is_local() {
  // Only where it may be one: to name the assignment is to compile it. What cannot be assigned is not found out.
  if constexpr (type_name<T>.find(':') == std::string_view::npos &&
                requires { static_cast<T& (T::*)(T&&)>(&T::operator=); })
    return text_of_function<static_cast<T& (T::*)(T&&)>(&T::operator=)>().find(")::") != std::string_view::npos;
  else
    return false;
}
#else
/// g++ spells its function too, which is no plain name.
template <class T>
consteval bool is_local() {
  return false;
}
#endif

/// Whether the C++ name of `T` does as a wire name.
template <class T>
consteval bool has_plain_name() {
  return is_plain_name(type_name<T>) && !is_local<T>();
}

/// The name of `Event` where it has none of its own; says where that cannot be.
template <class Event>
struct DefaultName {
  static constexpr auto spelled = type_name<Event>;
  static constexpr bool plain = has_plain_name<Event>();
  static_assert(plain,
                "tidings: a local, template or anonymous event type must name itself: static constexpr "
                "tidings::traits<T> event{.name = …}");
  static_assert(!plain || spelled.size() <= 200,
                "tidings: the qualified name of this event type is longer than brokers take; name it in its traits");
  static consteval auto make() {
    std::array<char, spelled.size() + 1> text{};
    std::size_t size = 0;
    for (std::size_t i = 0; i < spelled.size(); ++i) {
      if (spelled[i] == ':')
        text[size++] = '.', ++i;
      else
        text[size++] = spelled[i];
    }
    return std::pair{text, size};
  }
  static constexpr auto made = make();
  static constexpr std::string_view dotted{made.first.data(), made.second};
};

}  // namespace detail

/// Whether `T`'s wire name comes from its C++ name, and changes with it.
template <class T>
inline constexpr bool has_default_name = detail::EventTraits<T>::given.name.empty();

/// The wire name: `shop.OrderPlaced`, or what the traits say.
template <class T>
constexpr std::string_view event_name() {
  if constexpr (!has_default_name<T>)
    return detail::EventTraits<T>::given.name;
  else
    return detail::DefaultName<T>::dotted;
}

template <class T>
constexpr std::uint32_t event_version() {
  return detail::EventTraits<T>::given.version;
}

/// For how long after it happened an event is worth handling; nothing: for ever.
template <class T>
constexpr Duration event_ttl() {
  return detail::EventTraits<T>::given.ttl;
}

/// Whether its payload is to be sealed before it leaves the process.
template <class T>
inline constexpr bool is_encrypted = detail::EventTraits<T>::given.encrypted;

/// The topic: the traits' topic, else the wire name.
template <class T>
constexpr std::string_view event_topic() {
  if constexpr (!detail::EventTraits<T>::given.topic.empty())
    return detail::EventTraits<T>::given.topic;
  else
    return event_name<T>();
}

template <class T>
inline constexpr bool has_key = detail::EventTraits<T>::given.key.has_key();
/// Whether `T` says that its order does not matter.
template <class T>
inline constexpr bool is_unordered = detail::EventTraits<T>::given.key.is_unordered();

/// The key of `event` as text; empty where it has none.
template <class T>
std::string event_key(const T& event) {
  return detail::EventTraits<T>::given.key.of(event);
}

}  // namespace tidings
