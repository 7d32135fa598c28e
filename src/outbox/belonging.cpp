#include "outbox/belonging.hpp"

#include <optional>
#include <string>

#include "outbox/dialect.hpp"

namespace tidings::outbox {

namespace {

struct Identity {
  std::int64_t identity = 0;
  std::optional<std::string> name_space;
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

Result<> claim(Store& store, const Tables& tables, std::string_view name_space, Duration wait_max) {
  auto tx = store.begin(wait_max);
  if (!tx) return tx.error();
  if (auto claimed = claim(**tx, store.dialect(), tables, name_space); !claimed) return claimed.error();
  return (*tx)->commit();
}

}  // namespace tidings::outbox
