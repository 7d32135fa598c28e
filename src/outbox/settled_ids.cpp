#include "outbox/settled_ids.hpp"

#include <algorithm>
#include <chrono>

namespace tidings::outbox {

namespace {

constexpr Duration look_every = std::chrono::milliseconds{100};

}  // namespace

Result<> SettledIds::look(Transaction& tx, SteadyTime now) {
  if (statements_.last_id.empty() || now < next_look_) return {};
  next_look_ = now + look_every;
  // In this order: who gets an id after the first has one above it, or has the lock in the second.
  const auto last = tx.query_one<std::int64_t>(statements_.last_id);
  if (!last) return last.error();
  auto open = tx.query<std::string>(statements_.writers);
  if (!open) return open.error();
  const auto is_open = [&](const std::string& one) { return std::ranges::find(*open, one) != open->end(); };
  if (has_looked_ && std::ranges::any_of(open_, is_open)) return {};
  if (has_looked_) up_to_ = next_;
  next_ = last->value_or(0);
  open_ = std::move(*open);
  has_looked_ = true;
  return {};
}

}  // namespace tidings::outbox
