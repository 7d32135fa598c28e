#include "service/effects.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "service/host.hpp"
#include "service/relaying.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

constexpr Duration turn_wait = 10s;
constexpr std::size_t clean_at_once = 1'000;

/// Another attempt, or another time, may well succeed, and the event has nothing to do with it.
bool is_of_the_store(const Error& error) {
  static constexpr std::array<std::string_view, 8> codes{
      "unavailable", "busy", "conflict", "outcome_unknown", "other_broker", "disk_full", "out_of_memory", "read_only"};
  return std::ranges::find(codes, error.code) != codes.end();
}

inbox::Arrival arrival_of(const detail::Handler::Item& item) {
  const auto& place = item.context->place();
  return {.message_id = item.envelope->id,
          .source = item.envelope->source,
          .partition = place.partition,
          .offset = place.offset,
          .appended = item.appended};
}

}  // namespace

Result<> Effects::prepare(std::string_view topic) {
  auto inbox = inbox_of(topic);
  return inbox ? Result<>{} : inbox.error();
}

Result<inbox::Inbox*> Effects::inbox_of(std::string_view topic) {
  const std::scoped_lock lock(mutex_);
  if (const auto known = inboxes_.find(topic); known != inboxes_.end()) return known->second.get();
  auto opened =
      inbox::Inbox::open(*host_.store, group_, topic, {.window = host_.inbox_window, .clock = host_.clock}, turn_wait);
  if (!opened) return opened.error();
  return inboxes_.emplace(topic, std::make_unique<inbox::Inbox>(std::move(*opened))).first->second.get();
}

Result<> Effects::run(Items items, Publications& publications,
                      const std::function<Result<>(Items, Transaction&)>& handle, bool& is_trouble) {
  const auto before = publications.mark();
  is_trouble = false;
  const auto failed = [&](Error error) {
    publications.roll_back(before);
    is_trouble = is_of_the_store(error);
    return error;
  };
  if (auto ready = host_.relaying->start(); !ready) return failed(ready.error());
  for (const auto& item : items)  // outside of the transaction: it makes tables
    if (auto inbox = inbox_of(item.context->place().topic); !inbox) return failed(inbox.error());
  auto tx = host_.store->begin(turn_wait);
  if (!tx) return failed(tx.error());
  if (waits_for_others_ && host_.store->dialect() == SqlDialect::postgres)
    if (auto set = (*tx)->execute_later("set transaction isolation level read committed"); !set)
      return failed(set.error());
  bool is_of_handler = false;
  const auto done = run_in(**tx, items, publications, handle, is_of_handler);
  if (!done) {
    auto why = failed(done.error());
    is_trouble = is_trouble && !is_of_handler;
    return why;
  }
  if (*done)
    if (auto committed = (*tx)->commit(); !committed) return failed(committed.error());
  publications.clear();
  return {};
}

/// The marks come first: who else has one of these events in hand waits there.
Result<bool> Effects::run_in(OpenTransaction& tx, Items items, Publications& publications,
                             const std::function<Result<>(Items, Transaction&)>& handle, bool& is_of_handler) {
  const auto inbox = [&](const detail::Handler::Item& item) { return *inbox_of(item.context->place().topic); };
  std::vector<detail::Handler::Item> fresh;
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at < items.size();) {
    auto* const of = inbox(items[at]);
    std::vector<inbox::Arrival> arrivals;
    for (auto next = at; next < items.size() && inbox(items[next]) == of; ++next)
      arrivals.push_back(arrival_of(items[next]));
    const auto are_first = of->mark(tx, arrivals);
    if (!are_first) return are_first.error();
    for (const bool is_first : *are_first) {
      if (is_first) {
        fresh.push_back(items[at]);
        places.push_back(at);
      }
      ++at;
    }
  }
  if (duplicates_ != nullptr && fresh.size() < items.size()) duplicates_->add(items.size() - fresh.size());
  if (fresh.empty()) return false;
  if (auto handled = handle(fresh, tx); !handled) {
    // What a handler says by itself is its own, whatever it is called.
    is_of_handler = tx.query<std::int64_t>("select 1").has_value();
    return handled.error();
  }
  bool any_handled = false;
  for (std::size_t at = 0; at < fresh.size(); ++at) {
    auto& item = items[places[at]];
    item.undecodable = std::move(fresh[at].undecodable);
    item.is_behind = fresh[at].is_behind;
    if (!item.undecodable && !item.is_behind)
      any_handled = true;
    else if (auto gone = inbox(item)->unmark(tx, arrival_of(item)); !gone)  // it was not handled
      return gone.error();
  }
  if (auto written = publications.write(tx); !written) return written.error();
  return any_handled;
}

Result<bool> Effects::clean_up() {
  std::vector<inbox::Inbox*> all;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [topic, inbox] : inboxes_) all.push_back(inbox.get());
  }
  bool has_more = false;
  for (auto* const inbox : all) {
    auto cleaned = inbox->clean_up(*host_.store, clean_at_once);
    if (!cleaned) return cleaned.error();
    has_more = has_more || !cleaned->is_done;
  }
  return has_more;
}

}  // namespace tidings::service
