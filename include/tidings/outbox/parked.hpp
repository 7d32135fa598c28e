#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tidings/outbox/tables.hpp"
#include "tidings/store/store.hpp"

/// Keys whose events a broker refused. The first refusal holds the key's events back, those that come later too, so
/// that they keep their order; after `RelayOptions::attempts_max` attempts the key is parked, until somebody who has
/// mended what was wrong drives it again, or drops its events. Any process may do so.
namespace tidings::outbox {

/// Names the events of a key in a topic; of an event without a key, that one alone.
struct HeldKey {
  std::string topic;
  std::string key;
  std::int64_t row = 0;  ///< of an event without a key: its number in the table
  friend bool operator==(const HeldKey&, const HeldKey&) = default;
};

struct ParkedKey {
  HeldKey key;
  std::uint64_t events = 0;
  std::string first_id;  ///< of the event that was refused
  std::string code;      ///< why
  std::string error;
  int attempts = 0;
  bool is_parked = false;  ///< else it is still tried by itself
  TimePoint since{};       ///< parked, or else the time of the next attempt; by the database's clock
};

/// At most `max` keys, those that are parked first. Errors: those of `Store::begin` and of statements.
[[nodiscard]] Result<std::vector<ParkedKey>> held_keys(Store& store, std::size_t max = 100,
                                                       const Tables& tables = default_tables());

/// The key's events are published in their order from now on, and then those that came after them. Error `unknown_key`
/// (never): it is not held.
Result<> redrive(Store& store, const HeldKey& key, const Tables& tables = default_tables());
/// All that are parked. Returns how many.
Result<std::uint64_t> redrive_all(Store& store, const Tables& tables = default_tables());

/// The key's events that are held go for good, and later ones are published. Returns how many went. What a relay has
/// just begun to publish may be published still. Error `unknown_key` (never).
Result<std::uint64_t> drop(Store& store, const HeldKey& key, const Tables& tables = default_tables());

/// Where an event stands in an outbox.
struct OutboxEvent {
  enum class State { waiting, held, retried, parked };
  std::string id, type, topic, key;
  /// `waiting`: no relay has published it yet; `retried`: the broker has refused it, and it is tried again; `held`: one
  /// before it of its key was refused, and is tried again; `parked`: one or the other waits for a person.
  State state = State::waiting;
  bool is_effect = false;   ///< not the one that was asked for, but one that it caused
  bool is_first = false;    ///< it was refused itself
  std::string code, error;  ///< why the first of its key was refused
  int attempts = 0;         ///< of that first one
  TimePoint since{};        ///< it was put in, by the database's clock
};

/// The event with that id, and those that it caused, as long as they stand in the outbox: at most `max`. Looks at all
/// rows, so it is for people who ask. Errors: those of `Store::begin` and of statements.
[[nodiscard]] Result<std::vector<OutboxEvent>> find_events(Store& store, std::string_view id, std::size_t max = 100,
                                                           const Tables& tables = default_tables());

}  // namespace tidings::outbox
