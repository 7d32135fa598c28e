#include <algorithm>

#include "dashboard/databases.hpp"
#include "dashboard/event_json.hpp"
#include "json_line.hpp"
#include "tidings/outbox/relay.hpp"
#include "tidings/outbox/schema.hpp"

// What the databases say of their outboxes.
namespace tidings::cli {
namespace {

constexpr std::size_t held_max = 500;

Result<> has_outbox(Store& store) {
  return outbox::check_schema(store);
}

std::string held_json(const outbox::ParkedKey& held) {
  return JsonLine()
      .add("topic", held.key.topic)
      .add("key", held.key.key)
      .raw("row", held.key.row == 0 ? "null" : std::to_string(held.key.row))
      .add("events", held.events)
      .add("code", held.code)
      .add("error", held.error)
      .add("attempts", static_cast<std::uint64_t>(std::max(held.attempts, 0)))
      .flag("parked", held.is_parked)
      .add("since", to_rfc3339(held.since))
      .str();
}

}  // namespace

Result<std::string> Databases::outbox() {
  std::vector<std::string> stores;
  const auto looked = each("an outbox", For::looking, has_outbox, [&](const auto& name, Store& store) -> Result<Then> {
    const auto status = outbox::status(store);
    if (!status) return status.error();
    const auto keys = outbox::held_keys(store, held_max);
    if (!keys) return keys.error();
    std::vector<std::string> held, relays;
    for (const auto& key : *keys) held.push_back(held_json(key));
    for (const auto& holder : status->holders)
      relays.push_back(JsonLine().add("owner", holder.name).flag("late", holder.is_late).str());
    stores.push_back(JsonLine()
                         .add("store", name)
                         .add("waiting", status->backlog)
                         .flag("exact", status->backlog_is_exact)
                         .raw("oldest_age", status->oldest
                                                ? json_real(std::chrono::duration<double>(*status->oldest).count())
                                                : "null")
                         .raw("relays", json_array(relays))
                         .raw("held", json_array(held))
                         .str());
    return Then::go_on;
  });
  if (!looked) return looked.error();
  return JsonLine().raw("stores", json_array(stores)).str();
}

Result<std::uint64_t> Databases::drive_outbox(const outbox::HeldKey& key, bool drops, std::string_view store_name) {
  std::optional<std::uint64_t> driven;
  const auto acted = each("an outbox", For::acting, has_outbox, [&](const auto& name, Store& store) -> Result<Then> {
    if (!store_name.empty() && name != store_name) return Then::go_on;
    if (drops) {
      const auto dropped = outbox::drop(store, key);
      if (dropped) driven = *dropped;
      if (!dropped && dropped.error().code != "unknown_key") return dropped.error();
      return driven ? Then::end : Then::go_on;
    }
    std::uint64_t events = 0;
    if (const auto held = outbox::held_keys(store, held_max))
      for (const auto& known : *held)
        if (known.key == key) events = known.events;
    const auto sent = outbox::redrive(store, key);
    if (!sent && sent.error().code == "unknown_key") return Then::go_on;
    if (!sent) return sent.error();
    driven = events;
    return Then::end;
  });
  if (!acted) return acted.error();
  if (!driven) return Error{"unknown_key", "this key is not held any more: it may have been published meanwhile"};
  return *driven;
}

Result<std::vector<outbox::OutboxEvent>> Databases::outbox_events(std::string_view id) {
  std::vector<outbox::OutboxEvent> all;
  if (empty()) return all;
  const auto looked = each("an outbox", For::looking, has_outbox, [&](const auto&, Store& store) -> Result<Then> {
    auto found = outbox::find_events(store, id);
    if (!found) return found.error();
    std::ranges::move(*found, std::back_inserter(all));
    return Then::go_on;
  });
  if (!looked) return looked.error();
  return all;
}

}  // namespace tidings::cli
