#include "tidings/saga/tombstones.hpp"

#include <charconv>
#include <utility>

#include "saga/words.hpp"
#include "tidings/store/schema.hpp"

namespace tidings::saga {

namespace {

constexpr Duration turn_wait = std::chrono::seconds{10};

/// `saga/checkout/17/reserve/do/2` is round 2 of `saga/checkout/17/reserve`, as `…/undo` is of that. What is called
/// otherwise is itself, and its own compensation.
std::pair<std::string_view, int> split(std::string_view id) {
  int round = 1;
  auto base = id;
  if (const auto slash = base.rfind('/'); slash != base.npos) {
    const auto last = base.substr(slash + 1);
    int number = 0;
    const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), number);
    if (error == std::errc{} && end == last.data() + last.size() && number > 1) {
      base = base.substr(0, slash);
      round = number;
    }
  }
  for (const std::string_view direction : {"/do", "/undo"})
    if (base.ends_with(direction)) return {base.substr(0, base.size() - direction.size()), round};
  return {id, 1};
}

}  // namespace

Tombstones::Tombstones(const Store& store, const Tables& tables, Clock& clock)
    : dialect_(store.dialect()),
      clock_(&clock),
      table_(tables.name("saga_commands")),
      insert_(
          in_words("insert into @saga_commands(command, round, admitted, at) values ($1, $2, $3, $4) on conflict do "
                   "nothing",
                   dialect_, tables)),
      undone_(in_words("select count(*) from @saga_commands where command = $1 and round < 1", dialect_, tables)),
      admitted_(in_words("select count(*) from @saga_commands where command = $1 and admitted = 1", dialect_, tables)),
      remove_(in_words("delete from @saga_commands where (command, round) in (select command, round from "
                       "@saga_commands where at < $1 order by at limit $2)",
                       dialect_, tables)) {}

Result<bool> Tombstones::insert(Transaction& tx, std::string_view command, int round, bool is_admitted) const {
  const auto done = tx.execute(insert_, command, round, is_admitted ? 1 : 0, clock_->now().time_since_epoch().count());
  return done ? Result<bool>(*done > 0) : done.error();
}

Result<bool> Tombstones::any(Transaction& tx, const std::string& query, std::string_view command) {
  const auto found = tx.query_one<std::int64_t>(query, command);
  return found ? Result<bool>(found->value_or(0) > 0) : found.error();
}

Result<bool> Tombstones::admit(Transaction& tx, std::string_view command_id) {
  const auto [command, round] = split(command_id);
  auto is_new = insert(tx, command, round, true);
  if (!is_new || !*is_new) return is_new;
  const auto is_undone = any(tx, undone_, command);
  return is_undone ? Result<bool>(!*is_undone) : is_undone;
}

Result<bool> Tombstones::undo(Transaction& tx, std::string_view command_id) {
  const auto [command, round] = split(command_id);
  auto is_new = insert(tx, command, 1 - round, false);
  if (!is_new || !*is_new) return is_new;
  // The mark of the command itself: of two transactions at once, one for each, the second sees what the first did.
  if (const auto marked = insert(tx, command, 1, false); !marked) return marked;
  return any(tx, admitted_, command);
}

Result<bool> Tombstones::are_there(Store& store) const {
  auto tx = store.begin(turn_wait);
  if (!tx) return tx.error();
  return has_table(**tx, dialect_, table_);
}

Result<std::uint64_t> Tombstones::clean_up(Store& store, Duration older_than, std::size_t most) {
  auto tx = store.begin(turn_wait);
  if (!tx) return tx.error();
  auto removed =
      (*tx)->execute(remove_, (clock_->now() - older_than).time_since_epoch().count(), static_cast<std::int64_t>(most));
  if (!removed) return removed;
  if (auto done = (*tx)->commit(); !done) return done.error();
  return removed;
}

}  // namespace tidings::saga
