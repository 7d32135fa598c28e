#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "demo/stores.hpp"
#include "events.hpp"
#include "state.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::cli {

struct OrderRow {
  std::string id;
  std::string customer_id;
  std::string country;
  std::string status;
  std::string reason;
  std::string lines;
  std::int64_t total_minor = 0;
  std::int64_t cancelling = 0;
};
struct SagaRow {
  std::string id;
  std::string status;
  std::string why;
};
struct ProductRow {
  std::string id;
  std::int64_t reserved = 0;
  std::int64_t returned = 0;
};
struct ReservationRow {
  std::string order_id;
  std::string outcome;
  std::string held;
};
struct PaymentRow {
  std::string order_id;
  std::string status;
  std::int64_t charged_minor = 0;
  std::int64_t refunded_minor = 0;
};
/// What an account got in all, for one order or return.
struct LedgerRow {
  std::string order_id;
  std::string account;
  std::int64_t amount_minor = 0;
};
struct OutboxLeft {
  std::string service;
  std::uint64_t waiting = 0;  ///< those that are tried again among them
  std::uint64_t parked_keys = 0;
};

/// How an order has ended, as topic `orders` says.
struct End {
  bool is_confirmed = false;
  shop::FailureReason reason{};  ///< where it is not
};

/// By order, types of events in the order in which they first stand in a topic.
using Sequences = std::map<std::string, std::vector<std::string>>;

/// What the shop came to: its services' rows and states, mails, topics and groups.
struct Results {
  std::vector<OrderRow> orders;
  std::vector<SagaRow> sagas;
  std::vector<ProductRow> products;
  std::vector<ReservationRow> reservations;
  std::vector<PaymentRow> payments;
  std::vector<LedgerRow> ledger;
  std::vector<OutboxLeft> outboxes;
  shop::AnalyticsState analytics;
  std::map<std::string, std::string> mails;  ///< by file name
  std::vector<GroupInfo> groups;             ///< the services', and of dead letters none
  std::set<std::pair<std::string, std::uint64_t>> rejected;
  std::set<std::string> rejected_cancellations;
  std::map<std::string, std::vector<End>> ends;  ///< by order: one is right
  Sequences order_events, stock_events, payment_events;
  std::vector<std::string> dead_letters;  ///< topics that have some
  std::uint64_t repeats = 0;              ///< events that stand twice under one id, as after a crash
  bool are_repeats_dropped = false;       ///< by the broker: there must be none then
  std::vector<std::string>
      doubles;  ///< events that stand twice under two ids, as `shop.order-placed of 7`: never right
};

/// Where the shop's things are.
struct Places {
  std::string directory;
  std::string name_space;
};

[[nodiscard]] Result<Results> collect(Broker& broker, Stores& stores, const Places& places);

}  // namespace tidings::cli
