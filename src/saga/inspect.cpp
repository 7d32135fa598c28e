#include "tidings/saga/inspect.hpp"

#include "saga/ledger.hpp"
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

Result<std::optional<Shown>> show(Store& store, std::string_view type, std::string_view id, const Tables& tables) {
  auto tx = store.begin(turn_wait);
  if (!tx) return tx.error();
  const Ledger ledger(store.dialect(), tables);
  auto instance = ledger.load(**tx, type, id, false);
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
  const auto instance = ledger.load(**tx, type, id, false);
  if (!instance) return instance.error();
  if (!*instance)
    return Error{"unknown_saga", "there is no saga " + printable(type) + " " + printable(id) +
                                     "; list shows those "
                                     "there are"};
  if (auto done = ledger.ask(**tx, type, id, steering); !done) return done;
  return (*tx)->commit();
}

}  // namespace tidings::saga
