#include "outbox/belonging.hpp"

#include <optional>
#include <string>

#include "outbox/dialect.hpp"
#include "outbox/process_mark.hpp"

namespace tidings::outbox {

namespace {

struct Identity {
  std::int64_t identity = 0;
  std::optional<std::string> name_space;
};

struct Elsewhere {
  std::string owner;
  std::string place;
  std::string process;
};

std::string named(std::string_view name_space) {
  return name_space.empty() ? "no namespace" : "namespace '" + std::string(name_space) + "'";
}

}  // namespace

Result<std::uint64_t> claim(Transaction& tx, SqlDialect dialect, const Tables& tables, std::string_view name_space) {
  const auto table = tables.name("outbox_identity");
  auto read = tx.query_one<Identity>(in_dialect("select identity, name_space from @identity", dialect, tables));
  if (!read) return read.error();
  if (!*read || (*read)->identity <= 0)
    return Error{"corrupt", "the outbox's table " + table + " has no number in it; make the tables with apply_schema"};
  if (!(*read)->name_space) {
    auto claimed = tx.execute(
        in_dialect("update @identity set name_space = $1 where name_space is null", dialect, tables), name_space);
    if (!claimed) return claimed.error();
  } else if (*(*read)->name_space != name_space) {
    return Error{"other_namespace",
                 "the outbox belongs to services of " + named(*(*read)->name_space) + ", and this one is of " +
                     named(name_space) + ", whose relay would publish their events to the wrong topics; give it an " +
                     "outbox of its own (another database, schema or prefix), or, if the namespace was renamed: " +
                     "update " + table + " set name_space = '" + std::string(name_space) + "'"};
  }
  return static_cast<std::uint64_t>((*read)->identity);
}

Result<> look_elsewhere(Transaction& tx, SqlDialect dialect, const Tables& tables, std::string_view place,
                        std::string_view unless_after) {
  if (place.empty()) return {};
  const auto others = tx.query<Elsewhere>(
      in_dialect("select owner, place, process from @relays where expires_at >= @now and place <> '' and place <> $1 "
                 "order by owner",
                 dialect, tables),
      place);
  if (!others) return others.error();
  for (const auto& other : *others) {
    if (is_gone(other.process)) continue;
    if (!unless_after.empty() && unless_after < other.owner) return {};
    return Error{"other_broker",
                 "the relay " + other.owner + " publishes the events of this outbox to " + other.place +
                     ", and this one would to " + std::string(place) +
                     "; stop one of them, or give each service an outbox of its own (a database, or a prefix)",
                 Retry::same_call};
  }
  return {};
}

Result<> claim(Store& store, const RelayOptions& options, Duration wait_max) {
  auto tx = store.begin(wait_max);
  if (!tx) return tx.error();
  const auto dialect = store.dialect();
  if (auto claimed = claim(**tx, dialect, options.tables, options.name_space); !claimed) return claimed.error();
  if (auto fine = look_elsewhere(**tx, dialect, options.tables, options.place); !fine) return fine;
  return (*tx)->commit();
}

}  // namespace tidings::outbox
