#include <algorithm>
#include <chrono>

#include "outbox/dialect.hpp"
#include "tidings/outbox/relay.hpp"

namespace tidings::outbox {

namespace {

constexpr Duration wait_max = std::chrono::seconds{10};
/// Counted one by one up to here; what is more is told from the ids, which are dense but for what was rolled back or
/// has gone already.
constexpr std::int64_t counted_max = 10'000;

struct Ends {
  std::optional<std::int64_t> first;
  std::optional<std::int64_t> last;
};
struct First {
  std::int64_t age_ms = 0;
};
struct Keys {
  std::int64_t parked = 0;
  std::int64_t retried = 0;
  std::int64_t due = 0;
};
struct Lease {
  std::int64_t part = 0;
  std::optional<std::string> owner;
  std::int64_t is_late = 0;
};

}  // namespace

Result<OutboxStatus> status(Store& store, const Tables& tables) {
  auto begun = store.begin(wait_max);
  if (!begun) return begun.error();
  auto& tx = **begun;
  const auto in = [&](std::string_view text) { return in_dialect(text, store.dialect(), tables); };
  OutboxStatus status;

  const auto counted =
      tx.query_one<std::int64_t>(in("select count(*) from (select 1 from @outbox limit $1) counted"), counted_max + 1);
  if (!counted) return counted.error();
  status.backlog = static_cast<std::uint64_t>(**counted);
  if (**counted > counted_max) {
    const auto ends =
        tx.query_one<Ends>(in("select (select min(id) from @outbox) as first, "
                              "(select max(id) from @outbox) as last"));
    if (!ends) return ends.error();
    const auto between = (*ends)->last.value_or(0) - (*ends)->first.value_or(0) + 1;
    status.backlog = static_cast<std::uint64_t>(std::max(between, counted_max));
    status.backlog_is_exact = false;
  }
  const auto first =
      tx.query_one<First>(in("select @now_ms - @ms(created_at) as age_ms from @outbox order by id limit 1"));
  if (!first) return first.error();
  if (*first) status.oldest = std::chrono::milliseconds{std::max<std::int64_t>((*first)->age_ms, 0)};

  const auto keys = tx.query_one<Keys>(
      in("select count(parked_at) as parked, count(*) - count(parked_at) as retried, "
         "coalesce(sum(case when parked_at is null and next_at <= @now then 1 else 0 end), 0) as due "
         "from (select parked_at, next_at from @keys limit $1) k"),
      counted_max);
  if (!keys) return keys.error();
  status.parked_keys = static_cast<std::uint64_t>((*keys)->parked);
  status.retried_keys = static_cast<std::uint64_t>((*keys)->retried);
  status.due_keys = static_cast<std::uint64_t>((*keys)->due);

  const auto leases = tx.query<Lease>(in(
      "select part, owner, case when expires_at < @now then 1 else 0 end as is_late from @parts order by owner, part"));
  if (!leases) return leases.error();
  for (const auto& [part, owner, is_late] : *leases) {
    const auto number = static_cast<std::uint32_t>(part);
    if (!owner) {
      status.free_parts.push_back(number);
      continue;
    }
    if (status.holders.empty() || status.holders.back().name != *owner)
      status.holders.push_back({.name = *owner, .parts = {}, .is_late = is_late != 0});
    status.holders.back().parts.push_back(number);
  }
  return status;
}

}  // namespace tidings::outbox
