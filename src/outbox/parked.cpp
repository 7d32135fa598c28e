#include "tidings/outbox/parked.hpp"

#include <chrono>

#include "outbox/bells.hpp"
#include "outbox/dialect.hpp"
#include "tidings/base/text.hpp"

namespace tidings::outbox {

namespace {

constexpr Duration wait_max = std::chrono::seconds{10};
const std::string this_key = " where part = $1 and topic = $2 and @mark(key) = @mark($3) and key = $3 and lane = $4";

struct Found {
  std::string topic;
  std::string key;
  std::int64_t lane = 0;
  std::int64_t events = 0;
  std::optional<std::string> first_id;
  std::string code;
  std::string error;
  std::int64_t attempts = 0;
  std::int64_t is_parked = 0;
  std::int64_t since_ms = 0;
};

Error unknown(const HeldKey& key) {
  return {"unknown_key", "key '" + printable(key.key) + "' of topic " + printable(key.topic) +
                             (key.row == 0 ? "" : ", row " + std::to_string(key.row)) +
                             " is not held; held_keys lists those that are"};
}

/// Of an event without a key the part comes from its id, which only its row says.
Result<std::optional<std::int64_t>> part_of(Transaction& tx, const HeldKey& key, SqlDialect dialect,
                                            const Tables& tables) {
  return tx.query_one<std::int64_t>(
      in_dialect("select part from @keys where topic = $1 and key = $2 and lane = $3", dialect, tables), key.topic,
      key.key, key.row);
}

}  // namespace

Result<std::vector<ParkedKey>> held_keys(Store& store, std::size_t max, const Tables& tables) {
  auto tx = store.begin(wait_max);
  if (!tx) return tx.error();
  const std::string of_key =
      " from @held h where h.part = k.part and h.topic = k.topic and h.key = k.key and "
      "h.lane = k.lane";
  const auto found = (*tx)->query<Found>(
      in_dialect("select topic, key, lane, (select count(*)" + of_key + ") as events, (select message_id" + of_key +
                     " order by h.id limit 1) as first_id, code, error, attempts, "
                     "case when parked_at is null then 0 else 1 end as is_parked, "
                     "case when parked_at is null then @ms(next_at) else @ms(parked_at) end as since_ms from @keys k "
                     "order by case when parked_at is null then 1 else 0 end, parked_at, next_at, topic, key limit $1",
                 store.dialect(), tables),
      max);
  if (!found) return found.error();
  std::vector<ParkedKey> all;
  for (const auto& one : *found)
    all.push_back({.key = {.topic = one.topic, .key = one.key, .row = one.lane},
                   .events = static_cast<std::uint64_t>(one.events),
                   .first_id = one.first_id.value_or(""),
                   .code = one.code,
                   .error = one.error,
                   .attempts = static_cast<int>(one.attempts),
                   .is_parked = one.is_parked != 0,
                   .since = TimePoint{std::chrono::milliseconds{one.since_ms}}});
  return all;
}

Result<> redrive(Store& store, const HeldKey& key, const Tables& tables) {
  auto tx = store.begin(wait_max);
  if (!tx) return tx.error();
  const auto driven = (*tx)->execute(
      in_dialect("update @keys set parked_at = null, attempts = 0, next_at = @now where topic = $1 and key = $2 and "
                 "lane = $3",
                 store.dialect(), tables),
      key.topic, key.key, key.row);
  if (!driven) return driven.error();
  if (*driven == 0) return unknown(key);
  if (auto done = (*tx)->commit(); !done) return done;
  Bell::ring(tables.name("outbox"));
  return {};
}

Result<std::uint64_t> redrive_all(Store& store, const Tables& tables) {
  auto tx = store.begin(wait_max);
  if (!tx) return tx.error();
  auto driven = (*tx)->execute(
      in_dialect("update @keys set parked_at = null, attempts = 0, next_at = @now where parked_at is not null",
                 store.dialect(), tables));
  if (!driven) return driven.error();
  if (auto done = (*tx)->commit(); !done) return done.error();
  Bell::ring(tables.name("outbox"));
  return driven;
}

Result<std::uint64_t> drop(Store& store, const HeldKey& key, const Tables& tables) {
  const auto dialect = store.dialect();
  auto tx = store.begin(wait_max);
  if (!tx) return tx.error();
  const auto part = part_of(**tx, key, dialect, tables);
  if (!part) return part.error();
  if (!*part) return unknown(key);
  auto dropped =
      (*tx)->execute(in_dialect("delete from @held" + this_key, dialect, tables), **part, key.topic, key.key, key.row);
  if (!dropped) return dropped.error();
  const auto freed =
      (*tx)->execute(in_dialect("delete from @keys" + this_key, dialect, tables), **part, key.topic, key.key, key.row);
  if (!freed) return freed.error();
  if (auto done = (*tx)->commit(); !done) return done.error();
  Bell::ring(tables.name("outbox"));
  return dropped;
}

}  // namespace tidings::outbox
