#include "outbox/statements.hpp"

#include "outbox/dialect.hpp"

namespace tidings::outbox {

namespace {

const std::string event =
    "part, message_id, topic, key, type, type_version, event_time, attributes, payload, created_at";
const std::string stored =
    "o.id, o.part, o.message_id, o.topic, o.key, o.type, o.type_version, o.event_time, o.attributes, o.payload, ";
const std::string held_column =
    "case when exists (select 1 from @keys k where k.part = o.part and k.topic = o.topic and "
    "@mark(k.key) = @mark(o.key) and k.key = o.key and k.lane = 0) then 1 else 0 end as is_held ";
const std::string this_key = " where part = $1 and topic = $2 and @mark(key) = @mark($3) and key = $3 and lane = $4";

/// SQL has no other way to fail than a mistake: on PostgreSQL this is `division_by_zero`.
std::string unless_all(std::string_view number) {
  return "select 1 / (case when count(*) = " + std::string(number) + " then 1 else 0 end) ";
}

}  // namespace

bool is_not_all(const Error& error) {
  return error.message.find("[22012]") != error.message.npos;
}

Statements::Statements(SqlDialect dialect, const Tables& tables) {
  const auto in = [&](std::string_view text) { return in_dialect(text, dialect, tables); };
  const bool is_sqlite = dialect == SqlDialect::sqlite;

  beat =
      in("insert into @relays(owner, expires_at, place, process) values ($1, @later($2), $3, $4) on conflict (owner) "
         "do update set "
         "expires_at = excluded.expires_at");
  forget = in("delete from @relays where expires_at < @now");
  relays = in("select count(*) from @relays where expires_at >= @now");
  others = in("select owner, process from @relays where owner <> $1");
  bury = in("update @parts set owner = null, expires_at = null where owner = $1");
  renew = in("update @parts set expires_at = @later($2) where owner = $1 returning part, epoch");
  release = in("update @parts set owner = null, expires_at = null where owner = $1 and part @among($2)");
  leave = in("delete from @relays where owner = $1");
  free = in("select part from @parts where owner is null or expires_at < @now order by part limit $1 @skip");
  // By the clock, so that neither goes back where a database is restored from a copy: what is published then under an
  // epoch or a sequence that was used before would be refused, or taken as there already.
  take =
      in("update @parts set owner = $1, expires_at = @later($2), "
         "epoch = case when epoch >= @seconds then epoch + 1 else @seconds end, "
         "next_sequence = case when next_sequence >= @micros then next_sequence else @micros end "
         "where part @among($3) and (owner is null or expires_at < @now) "
         "returning part, epoch, next_sequence, flight");
  check = in("select part, epoch from @parts where owner = $1 and part @among($2) order by part @lock");
  if (!is_sqlite)
    check_all = in(unless_all("$4") +
                   "from (select 1 from unnest($2::text::bigint[], $3::text::bigint[]) e(part, epoch) join @parts p on "
                   "p.part = e.part and p.epoch = e.epoch where p.owner = $1 order by p.part for update of p) own");

  // The first of each part by its index, whatever stands behind them.
  fetch = is_sqlite
              ? in("select " + stored + held_column +
                   "from json_each($1) p join @outbox o on o.id in "
                   "(select i.id from @outbox i where i.part = p.value order by i.id limit $2)")
              : in("select " + stored + held_column +
                   "from unnest($1::text::bigint[], $3::text::bigint[]) as p(part, beyond) cross join lateral "
                   "(select * from @outbox i where i.part = p.part and i.id > p.beyond order by i.id limit $2) o");
  if (!is_sqlite) {
    // Of one that was never used it is 1, as of one that gave 1.
    last_id = "select case when is_called then last_value else last_value - 1 end from " + tables.name("outbox_id_seq");
    writers =
        "select virtualtransaction from pg_locks where locktype = 'relation' and database = (select oid from "
        "pg_database where datname = current_database()) and relation = '" +
        tables.name("outbox") +
        "'::regclass and mode = 'RowExclusiveLock' and granted and pid is distinct from pg_backend_pid()";
  }
  of_outbox = in("select " + stored + "0 as is_held from @outbox o where o.id @among($1)");
  of_held = in("select " + stored + "1 as is_held from @held o where o.id @among($1)");
  due =
      in("select part, topic, key, lane, attempts from @keys where part @among($1) and parked_at is null and "
         "next_at <= @now order by next_at limit $2");
  of_key =
      in("select " + stored +
         "1 as is_held from @held o where o.part = $1 and o.topic = $2 and @mark(o.key) = @mark($3) and o.key = $3 and "
         "o.lane = $4 order by o.id limit $5");
  const auto field = [](int number, std::string_view type) {
    return "cast(e.value ->> " + std::to_string(number) + " as " + std::string(type) + ")";
  };
  fly =
      in("update @parts set next_sequence = " + field(2, "bigint") + ", flight = " + field(3, "text") +
         " from @each($2) e where owner = $1 and part = " + field(0, "bigint") + " and epoch = " + field(1, "bigint"));
  if (!is_sqlite) fly_all = "with changed as (" + fly + " returning 1) " + unless_all("$3") + "from changed";

  archive_outbox =
      in("insert into @archive(id, " + event + ") select id, " + event + " from @outbox where id @among($1)");
  archive_held = in("insert into @archive(id, " + event + ") select id, " + event + " from @held where id @among($1)");
  remove_outbox = in("delete from @outbox where id @among($1)");
  remove_held = in("delete from @held where id @among($1)");
  hold = in("insert into @held(id, lane, " + event + ") select id, case when key = '' then id else 0 end, " + event +
            " from @outbox where id @among($1)");

  fail =
      in("insert into @keys as k (part, topic, key, lane, attempts, next_at, code, error) "
         "values ($1, $2, $3, $4, 1, @now, $5, $6) on conflict (part, topic, @mark(key), lane) do update set "
         "attempts = k.attempts + 1, code = excluded.code, error = excluded.error returning attempts");
  retry = in("update @keys set next_at = @later($5)" + this_key);
  park = in("update @keys set parked_at = @now" + this_key);
  free_key = in("delete from @keys" + this_key +
                " and not exists (select 1 from @held h where h.part = $1 and h.topic = $2 and @mark(h.key) = "
                "@mark($3) and h.key = $3 and "
                "h.lane = $4)");
  go_on = in("update @keys set attempts = 0, next_at = @now" + this_key + " and parked_at is null");

  clean =
      in("delete from @archive where id in (select id from @archive where sent_at < @later($1) order by sent_at "
         "limit $2)");
}

}  // namespace tidings::outbox
