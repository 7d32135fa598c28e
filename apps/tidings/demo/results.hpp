#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "demo/expected.hpp"
#include "demo/stores.hpp"
#include "state.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::cli {

struct OrderRow {
  std::string id;
  std::string customer_id;
  std::string country;
  std::string status;
  std::string lines;
  std::int64_t total_minor = 0;
};
struct ProductRow {
  std::string id;
  std::int64_t reserved = 0;
  std::int64_t returned = 0;
};
struct ReservationRow {
  std::string order_id;
  std::string outcome;
};
struct OutboxLeft {
  std::string service;
  std::uint64_t waiting = 0;  ///< those that are tried again among them
  std::uint64_t parked_keys = 0;
};

/// What the shop came to: its services' rows and states, mails, topics and groups.
struct Results {
  std::vector<OrderRow> orders;
  std::vector<ProductRow> products;
  std::vector<ReservationRow> reservations;
  std::vector<OutboxLeft> outboxes;
  shop::AnalyticsState analytics;
  std::map<std::string, std::string> mails;  ///< by file name
  std::vector<GroupInfo> groups;             ///< the four services', and of dead letters none
  std::set<std::pair<std::string, std::uint64_t>> rejected;
  std::map<std::string, std::vector<std::string>>
      order_events;  ///< by order, types as they first stand in topic `orders`
  std::map<std::string, std::vector<std::string>> stock_events;  ///< and in `stock`
  std::vector<std::string> dead_letters;                         ///< topics that have some
  std::uint64_t repeats = 0;         ///< events that stand twice under one id, as after a crash
  bool are_repeats_dropped = false;  ///< by the broker: there must be none then
  std::vector<std::string>
      doubles;  ///< events that stand twice under two ids, as `shop.order-placed of 7`: never right
};

/// Where the shop's things are.
struct Places {
  std::string directory;
  std::string name_space;
};

[[nodiscard]] Result<Results> collect(Broker& broker, Stores& stores, const Places& places);

/// What differs, a sentence each; nothing where all is right. `stock_each`: conservation is demanded in place of one
/// outcome.
[[nodiscard]] std::vector<std::string> compare(const Expected& expected, const Results& results,
                                               std::optional<std::uint64_t> stock_each);

}  // namespace tidings::cli
