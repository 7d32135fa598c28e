#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "demo/results.hpp"
#include "demo/services.hpp"
#include "tidings/outbox/relay.hpp"
#include "tidings/saga/inspect.hpp"
#include "tidings/service/names.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

/// Reads a topic from its first event to its end as it stands now.
template <class Each>
Result<> read_all(Broker& broker, const std::string& topic, Each each) {
  auto info = broker.topic(topic);
  if (!info && info.error().code == "unknown_topic") return {};
  if (!info) return info.error();
  std::uint64_t left = 0;
  for (const auto& partition : info->partitions) left += partition.end.value - partition.earliest.value;
  auto reader = broker.subscribe(topic, {.create_topic = false});
  if (!reader) return reader.error();
  while (left > 0) {
    auto got = (*reader)->fetch(1000, 10s);
    if (!got) return got.error();
    if (got->empty()) return Error{"timeout", "topic " + topic + " does not give all its events"};
    for (const auto& delivery : *got) each(delivery);
    left -= std::min<std::uint64_t>(left, got->size());
  }
  return {};
}

/// The event, where it is of that type.
template <class Event>
std::optional<Event> event_in(const Delivery& delivery) {
  if (delivery.envelope.type != event_name<Event>()) return std::nullopt;
  auto event = decode_event<Event>(delivery.envelope);
  return event ? std::optional(std::move(*event)) : std::nullopt;
}

/// Counts an event, of which there is one of its name, that stands somewhere a second time.
class Repeats {
 public:
  explicit Repeats(Results& results) : results_(results) {}
  /// Whether it is the first.
  bool add(const std::string& name, std::string_view id) {
    const auto [known, is_first] = ids_.try_emplace(name, id);
    if (is_first) return true;
    if (known->second == id)
      ++results_.repeats;
    else
      results_.doubles.push_back(name);
    return false;
  }

 private:
  Results& results_;
  std::unordered_map<std::string, std::string> ids_;
};

Result<> read_sequences(Broker& broker, const std::string& topic, Sequences& sequences, Repeats& repeats,
                        const std::function<void(const Delivery&)>& each = {}) {
  return read_all(broker, topic, [&](const Delivery& delivery) {
    const auto& [type, key, id] = std::tie(delivery.envelope.type, delivery.envelope.key, delivery.envelope.id);
    if (!repeats.add(std::string(type).append(" of ").append(key), id)) return;
    sequences[std::string(key)].emplace_back(type);
    if (each) each(delivery);
  });
}

template <class Row>
Result<> read_rows(Stores& stores, std::string_view service, std::string_view query, std::vector<Row>& rows) {
  auto store = stores.of(service);
  if (!store) return store.error();
  auto tx = (*store)->begin(10s);
  if (!tx) return tx.error();
  auto read = (*tx)->template query<Row>(query);
  if (!read) return read.error();
  rows = std::move(*read);
  return {};
}

Result<> read_sagas(Stores& stores, std::vector<SagaRow>& rows) {
  auto store = stores.of("orders");
  if (!store) return store.error();
  constexpr std::size_t page_max = 500;
  for (saga::ListFilter filter{.type = {}, .status = {}, .after_type = {}, .after_id = {}, .limit = page_max};;) {
    auto page = saga::list(**store, filter);
    if (!page) return page.error();
    for (auto& one : *page) rows.push_back({one.id, std::string(saga::name_of(one.status)), std::move(one.why)});
    if (page->size() < page_max) return {};
    filter.after_type = page->back().type;
    filter.after_id = page->back().id;
  }
}

Result<> read_stores(Stores& stores, Results& results) {
  auto read = read_rows(stores, "orders",
                        "select id, customer_id, country, status, reason, lines, total_minor, cancelling from orders",
                        results.orders);
  if (read) read = read_sagas(stores, results.sagas);
  if (read) read = read_rows(stores, "inventory", "select id, reserved, returned from products", results.products);
  if (read)
    read = read_rows(stores, "inventory", "select order_id, outcome, held from reservations", results.reservations);
  if (read)
    read = read_rows(stores, "payments", "select order_id, status, charged_minor, refunded_minor from payments",
                     results.payments);
  if (read)
    read = read_rows(stores, "payments",
                     "select order_id, account, cast(sum(amount_minor) as bigint) as amount_minor from ledger group by "
                     "order_id, account",
                     results.ledger);
  if (!read) return read;
  for (const auto& spec : specs) {
    if (!spec.has_store) continue;
    auto store = stores.of(spec.name);
    if (!store) return store.error();
    auto left = outbox::status(**store);
    if (!left) return left.error();
    results.outboxes.push_back({spec.name, left->backlog + left->retried_keys, left->parked_keys});
  }
  return {};
}

}  // namespace

Result<Results> collect(Broker& broker, Stores& stores, const Places& places) {
  const auto topic = [&](std::string_view name) { return in_namespace(places.name_space, name); };
  Results results;
  auto analytics = shop::load_state<shop::AnalyticsState>(places.directory + "/analytics/analytics.json");
  if (!analytics) return analytics.error();
  results.analytics = std::move(*analytics);
  if (auto read = read_stores(stores, results); !read) return read.error();
  std::error_code error;
  std::filesystem::directory_iterator entry(places.directory + "/notifications/mails", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (name.ends_with('~')) continue;  // the draft of a killed writer
    auto text = read_file(entry->path().string());
    if (!text) return text.error();
    results.mails[name] = std::move(*text);
  }
  if (error) return Error{"io_error", "cannot list the mails: " + error.message()};
  std::map<std::string_view, std::vector<GroupInfo>> groups;
  for (const auto& spec : specs)
    for (const auto& reading : spec.readings) {
      if (auto [known, is_new] = groups.try_emplace(reading.topic); is_new) {
        auto there = broker.groups(topic(reading.topic));
        if (!there) return there.error();
        known->second = std::move(*there);
      }
      const auto name = topic(group_of(spec.name, reading.handler));
      for (const auto& group : groups[reading.topic])
        if (group.group == name) results.groups.push_back(group);
    }
  auto topics = broker.topics();
  if (!topics) return topics.error();
  for (const auto& one : *topics)
    if (one.name.starts_with(topic("")) && one.name.ends_with(".dead-letters"))
      for (const auto& partition : one.partitions)
        if (partition.end.value > 0) results.dead_letters.push_back(one.name);
  results.are_repeats_dropped = broker.capabilities().producers;
  Repeats repeats(results);
  auto read = read_all(broker, topic("orders.rejected"), [&](const Delivery& delivery) {
    if (const auto line = event_in<shop::LineRejected>(delivery)) {
      repeats.add("line " + std::to_string(line->number) + " of " + line->order_id, delivery.envelope.id);
      results.rejected.emplace(line->order_id, line->number);
    } else if (const auto cancellation = event_in<shop::CancellationRejected>(delivery)) {
      repeats.add("the rejected cancellation of " + cancellation->order_id, delivery.envelope.id);
      results.rejected_cancellations.insert(cancellation->order_id);
    }
  });
  if (read)
    read = read_sequences(broker, topic("orders"), results.order_events, repeats, [&](const Delivery& delivery) {
      if (const auto confirmed = event_in<shop::OrderConfirmed>(delivery))
        results.ends[confirmed->order_id].push_back({.is_confirmed = true});
      else if (const auto failed = event_in<shop::OrderFailed>(delivery))
        results.ends[failed->order_id].push_back({.is_confirmed = false, .reason = failed->reason});
    });
  if (read) read = read_sequences(broker, topic("stock"), results.stock_events, repeats);
  if (read) read = read_sequences(broker, topic("payments"), results.payment_events, repeats);
  if (!read) return read.error();
  return results;
}

}  // namespace tidings::cli
