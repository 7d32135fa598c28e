#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tidings/event/detail/upcast.hpp"
#include "tidings/event/event_type.hpp"
#include "tidings/event/json_schema.hpp"
#include "tidings/event/traits.hpp"

namespace tidings::detail {

/// An event type that somebody takes: a handler, a step of a saga.
struct EventKind {
  std::string_view type;  ///< the wire name
  std::uint32_t version = 1;
  std::string_view topic;                          ///< without the namespace
  const void* identity = nullptr;                  ///< one address a C++ type
  bool ordered = false;                            ///< has a key, or says that it is unordered
  bool keyed = false;                              ///< has a key
  Duration ttl{};                                  ///< nothing: for ever
  bool encrypted = false;                          ///< is sealed before it leaves
  bool named = false;                              ///< names itself, instead of by its C++ name
  bool (*reads)(std::uint32_t version) = nullptr;  ///< the version itself, and those that upcasts lead from
  std::string_view cpp_type;                       ///< as the compiler spells it, for messages
  const EventKind* older = nullptr;                ///< the version that its upcast takes
  std::string (*schema)() = nullptr;               ///< of its JSON
};

template <class Event>
constexpr bool reads_version(std::uint32_t version) {
  if constexpr (has_upcast<Event>)
    if (version < event_version<Event>()) return reads_version<Older<Event>>(version);
  return version == event_version<Event>();
}

template <class Event>
constexpr const EventKind* older_kind();

template <class Event>
constexpr EventKind kind_of() {
  return {.type = event_name<Event>(),
          .version = event_version<Event>(),
          .topic = event_topic<Event>(),
          .identity = &event_type<Event>,
          .ordered = has_key<Event> || is_unordered<Event>,
          .keyed = has_key<Event>,
          .ttl = event_ttl<Event>(),
          .encrypted = is_encrypted<Event>,
          .named = !has_default_name<Event>,
          .reads = &reads_version<Event>,
          .cpp_type = type_name<Event>,
          .older = older_kind<Event>(),
          .schema = &json_schema<Event>};
}

template <class Event>
inline constexpr EventKind event_kind = kind_of<Event>();

template <class Event>
constexpr const EventKind* older_kind() {
  if constexpr (has_upcast<Event>)
    return &event_kind<Older<Event>>;
  else
    return nullptr;
}

}  // namespace tidings::detail
