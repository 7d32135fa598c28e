#include "outbox/notify.hpp"

#include <array>

#include "tidings/outbox/schema.hpp"
#include "tidings/store/schema.hpp"

namespace tidings::outbox {

namespace {

std::array<std::string, 3> statements(const Tables& tables) {
  const auto function = tables.name("outbox_notify");
  return {"create or replace function " + function +
              "() returns trigger language plpgsql as $$ begin perform pg_notify('" + channel_of(tables) +
              "', ''); return null; end $$",
          "drop trigger if exists " + tables.prefix() + "outbox_notify on " + tables.name("outbox"),
          "create trigger " + tables.prefix() + "outbox_notify after insert on " + tables.name("outbox") +
              " for each statement execute function " + function + "()"};
}

}  // namespace

/// One for all schemas: who hears another's looks for nothing, once.
std::string channel_of(const Tables& tables) {
  return tables.prefix() + "outbox";
}

Result<bool> has_notify(Transaction& tx, const Tables& tables) {
  const auto there = tx.query_one<std::int64_t>(
      "select count(*) from pg_trigger where tgrelid = to_regclass($1::text) and tgname = $2", tables.name("outbox"),
      tables.prefix() + "outbox_notify");
  if (!there) return there.error();
  return there->value_or(0) > 0;
}

std::string notify_sql(const Tables& tables) {
  std::string all;
  for (const auto& statement : statements(tables)) all += statement + ";\n";
  return all;
}

Result<> apply_notify(Store& store, const Tables& tables, Duration wait_max) {
  if (store.dialect() != SqlDialect::postgres)
    return Error{"unsupported", "SQLite tells nobody of commits; relays of other processes look now and then"};
  auto tx = store.begin(wait_max);
  if (!tx) return tx.error();
  if (auto locked = lock_schemas(**tx, store.dialect()); !locked) return locked;
  const auto there = has_notify(**tx, tables);
  if (!there) return there.error();
  if (*there) return {};  // making it anew would wait for every writer
  for (const auto& statement : statements(tables))
    if (auto done = (*tx)->execute(statement); !done) return done.error();
  return (*tx)->commit();
}

}  // namespace tidings::outbox
