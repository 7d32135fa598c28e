#include "demo/results.hpp"

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <unordered_map>

#include "tidings/event/json_codec.hpp"
#include "tidings/outbox/relay.hpp"
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

Result<> read_sequences(Broker& broker, const std::string& topic,
                        std::map<std::string, std::vector<std::string>>& sequences, Repeats& repeats) {
  return read_all(broker, topic, [&](const Delivery& delivery) {
    const auto& [type, key, id] = std::tie(delivery.envelope.type, delivery.envelope.key, delivery.envelope.id);
    if (repeats.add(std::string(type).append(" of ").append(key), id)) sequences[std::string(key)].emplace_back(type);
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

Result<> read_stores(Stores& stores, Results& results) {
  auto read = read_rows(stores, "orders", "select id, customer_id, country, status, lines, total_minor from orders",
                        results.orders);
  if (read) read = read_rows(stores, "inventory", "select id, reserved, returned from products", results.products);
  if (read) read = read_rows(stores, "inventory", "select order_id, outcome from reservations", results.reservations);
  if (!read) return read;
  for (const auto* const service : {"orders", "inventory"}) {
    auto store = stores.of(service);
    if (!store) return store.error();
    auto left = outbox::status(**store);
    if (!left) return left.error();
    results.outboxes.push_back({service, left->backlog + left->retried_keys, left->parked_keys});
  }
  return {};
}

/// Anything but letters and digits as %XX.
std::string escaped(const std::string& text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string name;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-')
      name += c;
    else
      (name += '%') += std::string{hex[static_cast<unsigned char>(c) >> 4], hex[static_cast<unsigned char>(c) & 15]};
  }
  return name;
}

std::string head_of_mail(const Expected::Order& order, const std::string& subject) {
  return "From: shop@example.org\r\nTo: " + (order.customer.empty() ? "guest" : "customer-" + escaped(order.customer)) +
         "@example.org\r\nSubject: " + subject + "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
}

class Differences {
 public:
  void add(std::string sentence) {
    if (++count_ <= shown_max) sentences_.push_back(std::move(sentence));
  }
  template <class Map>
  void compare_maps(const std::string& what, const Map& expected, const Map& got) {
    for (const auto& [name, value] : expected) {
      const auto found = got.find(name);
      if (found == got.end())
        add_of(what, name, "expected " + std::to_string(value) + ", there is none");
      else if (found->second != value)
        add_of(what, name, "expected " + std::to_string(value) + ", got " + std::to_string(found->second));
    }
    for (const auto& [name, value] : got)
      if (!expected.contains(name)) add_of(what, name, "expected none, got " + std::to_string(value));
  }
  void compare_counts(const std::string& what, std::uint64_t expected, std::uint64_t got) {
    if (expected != got) add(what + ": expected " + std::to_string(expected) + ", got " + std::to_string(got));
  }
  [[nodiscard]] std::vector<std::string> take() {
    if (count_ > shown_max) sentences_.push_back("and " + std::to_string(count_ - shown_max) + " more");
    return std::move(sentences_);
  }

 private:
  void add_of(const std::string& what, const std::string& name, const std::string& said) {
    add(what + " of " + name + ": " + said);
  }

  static constexpr std::size_t shown_max = 50;
  std::size_t count_ = 0;
  std::vector<std::string> sentences_;
};

bool stock_says(const Results& results, const std::string& order_id, const std::string& type) {
  const auto known = results.stock_events.find(order_id);
  return known != results.stock_events.end() && std::ranges::find(known->second, type) != known->second.end();
}
bool was_reserved(const Results& results, const std::string& order_id) {
  return stock_says(results, order_id, "shop.stock-reserved");
}

void compare_analytics(const Expected& expected, const Results& results, Differences& differences) {
  const auto flat = [](const auto& revenue) {
    std::map<std::string, std::int64_t> by_both;
    for (const auto& [country, days] : revenue)
      for (const auto& [day, minor] : days) by_both[std::string(country).append(" on ").append(day)] = minor;
    return by_both;
  };
  differences.compare_maps("revenue in pence", flat(expected.revenue_minor), flat(results.analytics.revenue_minor));
  differences.compare_maps("sold items", expected.sold, results.analytics.sold);
  differences.compare_counts("orders of analytics", expected.placed.size(), results.analytics.orders);
  differences.compare_counts("returns of analytics", expected.cancelled.size(), results.analytics.returns);
  if (results.analytics.out_of_order != 0)
    differences.add("analytics saw " + std::to_string(results.analytics.out_of_order) +
                    " orders cancelled before they were placed");
}

void compare_stock(const Expected& expected, const Results& results, std::optional<std::uint64_t> stock_each,
                   Differences& differences) {
  std::map<std::string, std::int64_t> reserved, returned, got_reserved, got_returned;
  for (const auto& [id, order] : expected.placed)
    if (was_reserved(results, id))
      for (const auto& [product, count] : order.wanted) reserved[product] += count;
  for (const auto& [id, order] : expected.cancelled) {
    const bool gives_back = !expected.placed.contains(id) || was_reserved(results, id);
    if (gives_back)
      for (const auto& [product, count] : order.wanted) returned[product] += count;
    if (gives_back != stock_says(results, id, "shop.stock-released"))
      differences.add("the stock of order " + id + " was " +
                      (gives_back ? "not released" : "released, but never reserved"));
  }
  for (const auto& row : results.products) {
    if (row.reserved != 0) got_reserved[row.id] += row.reserved;
    if (row.returned != 0) got_returned[row.id] += row.returned;
    const auto left = static_cast<std::int64_t>(stock_each.value_or(0)) + row.returned - row.reserved;
    if (stock_each && left < 0)
      differences.add("of " + row.id + " there are " + std::to_string(left) + ": more was reserved than there was");
  }
  differences.compare_maps("reserved stock", reserved, got_reserved);
  differences.compare_maps("returned stock", returned, got_returned);
  std::map<std::string, std::vector<std::string>> outcomes;
  for (const auto& row : results.reservations) outcomes[row.order_id].push_back(row.outcome);
  for (const auto& [id, order] : expected.placed) {
    const bool rejected = stock_says(results, id, "shop.stock-rejected");
    if (was_reserved(results, id) == rejected)
      differences.add("order " + id + " has " + (rejected ? "two outcomes" : "no outcome") + " in stock");
    if (rejected && !stock_each) differences.add("order " + id + " was rejected, though stock is unlimited");
    const auto& rows = outcomes[id];
    if (rows.size() != 1)
      differences.add("order " + id + " has " + std::to_string(rows.size()) + " reservations, not 1");
    else if (rows.front() != (rejected ? "rejected" : "reserved"))
      differences.add("the reservation of order " + id + " says " + rows.front() + ", the topic stock something else");
  }
  for (const auto& [id, rows] : outcomes)
    if (!expected.placed.contains(id)) differences.add("there is a reservation of " + id + ", which nobody ordered");
}

/// What the lines of a row come to by product; nothing where they are none.
std::map<std::string, std::int64_t> sums_of(const std::string& lines) {
  std::map<std::string, std::int64_t> sums;
  if (const auto read = JsonCodec::decode<std::vector<shop::OrderLine>>(lines))
    for (const auto& line : *read) sums[line.product] += line.quantity;
  return sums;
}

void compare_orders(const Expected& expected, const Results& results, Differences& differences) {
  std::map<std::string, std::uint64_t> rows;
  for (const auto& row : results.orders) {
    const auto placed = expected.placed.find(row.id);
    const auto taken_back = expected.cancelled.find(row.id);
    const bool is_return = placed == expected.placed.end();
    if (++rows[row.id] > 1) continue;  // told below
    if (is_return && taken_back == expected.cancelled.end()) {
      differences.add("there is a row of order " + row.id + " that nobody gave");
      continue;
    }
    const auto& order = is_return ? taken_back->second : placed->second;
    const std::string status = is_return ? "returned" : taken_back != expected.cancelled.end() ? "cancelled" : "placed";
    if (row.status != status) differences.add("order " + row.id + " is " + row.status + ", not " + status);
    if (row.total_minor != order.total_minor)
      differences.add("the row of order " + row.id + " says " + amount(row.total_minor) + ", not " +
                      amount(order.total_minor));
    if (row.customer_id != order.customer || row.country != order.country)
      differences.add("the row of order " + row.id + " is of another customer, or another country");
    if (sums_of(row.lines) != order.wanted) differences.add("the row of order " + row.id + " has other lines");
  }
  const auto check_once = [&](const std::string& id) {
    if (rows[id] != 1) differences.add("order " + id + " stands in " + std::to_string(rows[id]) + " rows, not in 1");
  };
  for (const auto& [id, order] : expected.placed) check_once(id);
  for (const auto& [id, order] : expected.cancelled)
    if (!expected.placed.contains(id)) check_once(id);
}

void compare_outboxes(const Results& results, Differences& differences) {
  for (const auto& left : results.outboxes) {
    if (left.waiting > 0)
      differences.add("in the outbox of " + left.service + " " + std::to_string(left.waiting) + " events wait still");
    if (left.parked_keys > 0)
      differences.add("in the outbox of " + left.service + " " + std::to_string(left.parked_keys) + " keys are parked");
  }
  for (const auto& one : results.doubles) differences.add(one + " stands twice, under two ids");
  if (results.are_repeats_dropped && results.repeats > 0)
    differences.add(std::to_string(results.repeats) + " events stand twice, on a broker that drops repeats");
}

void compare_mails(const Expected& expected, const Results& results, Differences& differences) {
  std::set<std::string> wanted;
  for (const auto& [id, order] : expected.placed) {
    const auto name = escaped(id) + ".eml";
    wanted.insert(name);
    const auto mail = results.mails.find(name);
    const auto reserved = was_reserved(results, id);
    const auto head = head_of_mail(
        order, reserved ? "Your order " + escaped(id) + " is confirmed" : "We cannot send your order " + escaped(id));
    const auto total = "\r\nTotal: " + amount(order.total_minor) + "\r\n";
    const auto lines = "Thank you. We send you:\r\n\r\n" + order.mail_lines;
    if (mail == results.mails.end())
      differences.add("order " + id + " has no mail");
    else if (!mail->second.starts_with(head))
      differences.add("the mail of order " + id + " is to another, or of another subject");
    else if (reserved && !mail->second.ends_with(total))
      differences.add("the mail of order " + id + " does not say " + amount(order.total_minor));
    else if (reserved && mail->second != std::string(head).append(lines).append(total))
      differences.add("the mail of order " + id + " does not have the order's lines");
    else if (!reserved && !(mail->second.starts_with(head + "We are sorry: of ") && mail->second.ends_with(".\r\n")))
      differences.add("the mail of order " + id + " does not say why it is not sent");
  }
  for (const auto& [name, text] : results.mails)
    if (!wanted.contains(name)) differences.add("there is a mail " + name + " of no order");
}

void compare_topics(const Expected& expected, const Results& results, Differences& differences) {
  for (const auto& [id, line] : expected.rejected)
    if (!results.rejected.contains({id, line}))
      differences.add("line " + std::to_string(line) + " of " + id + " should stand in orders.rejected");
  for (const auto& [id, line] : results.rejected)
    if (!expected.rejected.contains({id, line}))
      differences.add("line " + std::to_string(line) + " of " + id + " should not stand in orders.rejected");
  const auto check = [&](const std::string& topic, const auto& sequences, const std::vector<std::string>& order) {
    for (const auto& [id, types] : sequences)
      if (!std::ranges::is_sorted(
              types, {}, [&](const std::string& type) { return std::ranges::find(order, type) - order.begin(); }))
        differences.add(
            std::string("the events of order ").append(id).append(" stand in the wrong order in ").append(topic));
  };
  check("orders", results.order_events, {"shop.order-placed", "shop.order-cancelled"});
  check("stock", results.stock_events, {"shop.stock-reserved", "shop.stock-rejected", "shop.stock-released"});
  const auto has = [&](const std::string& id, const std::string& type) {
    const auto known = results.order_events.find(id);
    return known != results.order_events.end() && std::ranges::find(known->second, type) != known->second.end();
  };
  for (const auto& [id, order] : expected.placed)
    if (!has(id, "shop.order-placed")) differences.add("order " + id + " was not placed");
  for (const auto& [id, order] : expected.cancelled)
    if (!has(id, "shop.order-cancelled")) differences.add("order " + id + " was not cancelled");
  for (const auto& [id, types] : results.order_events)
    if (!expected.placed.contains(id) && !expected.cancelled.contains(id))
      differences.add("there is an order " + id + " that nobody gave");
}

void compare_groups(const Results& results, Differences& differences) {
  if (results.groups.size() != 4)
    differences.add("there are " + std::to_string(results.groups.size()) + " groups of the services, not 4");
  for (const auto& group : results.groups)
    for (const auto& one : group.partitions) {
      const auto where = group.group + " on partition " + std::to_string(one.partition.value) + " of " + group.topic;
      if (one.position != one.end)
        differences.add(where + " stands at " + std::to_string(one.position.value) + " of " +
                        std::to_string(one.end.value));
      if (one.handled != one.end.value || one.skipped != 0 || one.parked != 0 || one.expired != 0)
        differences.add(where + ": of " + std::to_string(one.end.value) + " events " + std::to_string(one.handled) +
                        " were handled, " + std::to_string(one.skipped) + " passed over, " +
                        std::to_string(one.parked) + " parked, " + std::to_string(one.expired) + " expired");
    }
  for (const auto& topic : results.dead_letters) differences.add("there are dead letters in " + topic);
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
  const auto belongs = [](const std::string& group) {
    for (const auto* const known :
         {"orders.take-orders", "inventory.reserve-stock", "notifications.send-mails", "analytics.count-revenue"})
      if (group.ends_with(known)) return true;
    return false;
  };
  for (const auto* const name : {"submissions", "orders", "stock"}) {
    auto groups = broker.groups(topic(name));
    if (!groups) return groups.error();
    for (auto& group : *groups)
      if (belongs(group.group)) results.groups.push_back(std::move(group));
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
    auto line = decode_event<shop::LineRejected>(delivery.envelope);
    if (!line) return;
    repeats.add("line " + std::to_string(line->number) + " of " + line->order_id, delivery.envelope.id);
    results.rejected.emplace(line->order_id, line->number);
  });
  if (read) read = read_sequences(broker, topic("orders"), results.order_events, repeats);
  if (read) read = read_sequences(broker, topic("stock"), results.stock_events, repeats);
  if (!read) return read.error();
  return results;
}

std::vector<std::string> compare(const Expected& expected, const Results& results,
                                 std::optional<std::uint64_t> stock_each) {
  Differences differences;
  compare_groups(results, differences);
  compare_topics(expected, results, differences);
  compare_orders(expected, results, differences);
  compare_outboxes(results, differences);
  compare_analytics(expected, results, differences);
  compare_stock(expected, results, stock_each, differences);
  compare_mails(expected, results, differences);
  return differences.take();
}

}  // namespace tidings::cli
