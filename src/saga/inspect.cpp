#include "tidings/saga/inspect.hpp"

#include "saga/ledger.hpp"
#include "saga/words.hpp"
#include "tidings/base/text.hpp"

namespace tidings::saga {

namespace {
constexpr Duration turn_wait = std::chrono::seconds{10};
}

Result<std::vector<Instance>> list(Store& store, const ListFilter& filter, const Tables& tables) {
  auto tx = store.begin(turn_wait);
  if (!tx) return tx.error();
  return Ledger(store.dialect(), tables).list(**tx, filter);
}

Result<std::vector<std::string>> types(Store& store, std::size_t most, const Tables& tables) {
  auto tx = store.begin(turn_wait);
  if (!tx) return tx.error();
  const auto sql = in_words("select type from @sagas where type > $1 order by type limit 1", store.dialect(), tables);
  std::vector<std::string> all;
  std::string after;
  while (all.size() < most) {
    auto next = (*tx)->query_one<std::string>(sql, after);
    if (!next) return next.error();
    if (!*next) break;
    after = **next;
    all.push_back(std::move(**next));
  }
  return all;
}

Result<std::vector<StatusCount>> count(Store& store, std::span<const std::string> types, std::size_t most,
                                       const Tables& tables, Duration wait_max) {
  auto tx = store.begin(wait_max);
  if (!tx) return tx.error();
  const auto sql =
      in_words("select count(*) from (select 1 from @sagas where type = $1 and status = $2 limit $3) as some",
               store.dialect(), tables);
  std::vector<StatusCount> counts;
  for (const auto& type : types)
    for (const auto status :
         {Status::running, Status::compensating, Status::completed, Status::failed, Status::stuck, Status::abandoned}) {
      const auto found = (*tx)->query_one<std::int64_t>(sql, type, name_of(status), static_cast<std::int64_t>(most));
      if (!found) return found.error();
      counts.push_back({type, status, static_cast<std::uint64_t>(found->value_or(0))});
    }
  return counts;
}

Result<std::optional<Shown>> show(Store& store, std::string_view type, std::string_view id, const Tables& tables) {
  auto tx = store.begin(turn_wait);
  if (!tx) return tx.error();
  const Ledger ledger(store.dialect(), tables);
  auto instance = ledger.load(**tx, type, id);
  if (!instance) return instance.error();
  if (!*instance) return std::optional<Shown>{};
  auto history = ledger.history(**tx, type, id);
  if (!history) return history.error();
  auto waits = ledger.waits(**tx, type, id);
  if (!waits) return waits.error();
  return std::optional(Shown{std::move(**instance), std::move(*history), std::move(*waits)});
}

Result<> request(Store& store, std::string_view type, std::string_view id, Steering steering, const Tables& tables) {
  auto tx = store.begin(turn_wait);
  if (!tx) return tx.error();
  const Ledger ledger(store.dialect(), tables);
  const auto instance = ledger.load(**tx, type, id);
  if (!instance) return instance.error();
  if (!*instance)
    return Error{"unknown_saga", "there is no saga " + printable(type) + " '" + printable(id) +
                                     "'; saga::list has those that there are"};
  if (is_over((*instance)->status)) return saga_over(**instance);
  if (auto done = ledger.ask(**tx, type, id, steering); !done) return done;
  return (*tx)->commit();
}

Result<std::uint64_t> clean_up(Store& store, Duration older_than, std::size_t most, const Tables& tables,
                               Clock& clock) {
  auto begun = store.begin(turn_wait);
  if (!begun) return begun.error();
  auto& tx = **begun;
  struct Key {
    std::string type;
    std::string id;
  };
  const auto words = [&](std::string_view statement) { return in_words(statement, store.dialect(), tables); };
  // Where another process cleans up, each takes what the other has not.
  if (store.dialect() == SqlDialect::postgres)
    if (auto set = tx.execute_later("set transaction isolation level read committed"); !set) return set.error();
  const auto old =
      tx.query<Key>(words("select type, id from @sagas s where status in ('completed', 'failed', 'abandoned') "
                          "and updated_at < $1 order by updated_at limit $2 @skip"),
                    to_ns(clock.now() - older_than), static_cast<std::int64_t>(most));
  if (!old) return old.error();
  for (const auto& one : *old)
    for (const auto* const table : {"@saga_history", "@saga_timers", "@sagas"})  // timers: what was asked for too late
      if (auto gone = tx.execute_later(words(std::string("delete from ") + table + " where type = $1 and id = $2"),
                                       one.type, one.id);
          !gone)
        return gone.error();
  if (auto done = tx.commit(); !done) return done.error();
  return old->size();
}

}  // namespace tidings::saga
