#pragma once

#include <algorithm>
#include <map>
#include <thread>

#include "aggregate/testing.hpp"
#include "tidings/aggregate/rebuild.hpp"
#include "tidings/brokers/open.hpp"

namespace tidings::aggregate {

using shop::LineAdded;
using shop::OrderPlaced;

struct Nowhere final : tidings::detail::Outlet {
  Result<> publish(std::string_view, Envelope) override { return {}; }
};

/// A reader of another broker's, of which is told how far it has read.
class TellingReader final : public Consumer {
 public:
  TellingReader(std::unique_ptr<Consumer> reader, std::function<std::optional<Offset>(Partition)> tell)
      : reader_(std::move(reader)), tell_(std::move(tell)) {}
  Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max) override {
    return reader_->fetch(max, wait_max);
  }
  Result<> settle(std::span<const DeliveryId>, Outcome) override { return {}; }
  Result<> reject(std::span<const DeliveryId>, Duration) override { return {}; }
  Result<> extend(std::span<const DeliveryId>) override { return {}; }
  [[nodiscard]] std::vector<Partition> assignment() const override { return reader_->assignment(); }
  [[nodiscard]] std::optional<Offset> read_to(Partition partition) const override { return tell_(partition); }
  void wake() override { reader_->wake(); }
  Result<> close(Duration wait_max) override { return reader_->close(wait_max); }

 private:
  std::unique_ptr<Consumer> reader_;
  std::function<std::optional<Offset>(Partition)> tell_;
};

/// A broker in front of another, which tells of a topic, and of what was read of it, what a test wants.
class TellingBroker final : public Broker {
 public:
  explicit TellingBroker(Broker& broker) : broker_(broker) {}
  std::function<void(TopicInfo&)> tell;
  std::function<std::optional<Offset>(Partition)> read_to;

  [[nodiscard]] const Capabilities& capabilities() const override { return broker_.capabilities(); }
  Result<> create_topic(std::string_view topic, const TopicOptions& options) override {
    return broker_.create_topic(topic, options);
  }
  Result<std::vector<Published>> publish(std::string_view topic, std::span<const EnvelopeView> events,
                                         const PublishOptions& options) override {
    return broker_.publish(topic, events, options);
  }
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) override {
    auto consumer = broker_.subscribe(topic, options);
    if (!consumer || !read_to) return consumer;
    return std::unique_ptr<Consumer>(std::make_unique<TellingReader>(std::move(*consumer), read_to));
  }
  Result<std::vector<TopicInfo>> topics() override { return broker_.topics(); }
  Result<TopicInfo> topic(std::string_view topic) override {
    auto info = broker_.topic(topic);
    if (info && tell) tell(*info);
    return info;
  }
  Result<std::vector<GroupInfo>> groups(std::string_view topic) override { return broker_.groups(topic); }
  Result<> seek(std::string_view topic, std::string_view group, const Start& to) override {
    return broker_.seek(topic, group, to);
  }
  Result<> close(Duration wait_max) override { return broker_.close(wait_max); }

 private:
  Broker& broker_;
};

class ProjectionTest : public StoreTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    open(GetParam());
    if (!store_) return;
    broker_ = open_broker("memory:").or_throw();
    broker_->create_topic("orders", {.partitions = 4}).or_throw();
    prefix_ = is_sqlite_ ? "" : "\"" + tables_.schema() + "\".";
    run("create table " + prefix_ + "seen(id text primary key)");
  }

  /// What each order comes to. `factor` is what another version of it makes of a line.
  [[nodiscard]] auto totals(std::uint32_t version = 1, std::int64_t factor = 1, std::string extra = "") const {
    return projection<OrderPlaced, LineAdded>(
        "order-totals",
        {.tables = {{"order_totals",
                     "order_id text primary key, total bigint not null, lines bigint not null" + extra,
                     {"total"}},
                    {"order_counts", "counter text primary key, number bigint not null"}},
         .version = version,
         .names = tables_},
        overloaded{[](const OrderPlaced& event, ReadModel& model) -> Result<> {
                     auto done = model.execute("insert into {order_totals}(order_id, total, lines) values ($1, $2, 0)",
                                               event.order_id.value, event.total);
                     return done ? Result<>{} : done.error();
                   },
                   [factor](const LineAdded& event, ReadModel& model) -> Result<> {
                     if (event.item == "bad") return Error{"bad_line", "it is"};
                     const auto done = model.execute(
                         "update {order_totals} set total = total + $2, lines = lines + 1 where order_id = $1",
                         event.order_id.value, event.price * factor);
                     if (!done) return done.error();
                     return *done == 1 ? Result<>{} : Error{"no_order", "a line of an order that is not there"};
                   }});
  }
  template <class Event>
  void publish(const Event& event) {
    const auto envelope = make_envelope(event, {.source = "shop"}).or_throw();
    const auto view = envelope.view();
    broker_->publish("orders", std::span(&view, 1)).or_throw();
  }
  void publish_orders(int orders, int lines) {
    for (int order = 0; order < orders; ++order) {
      const shop::OrderId id{"o-" + std::to_string(next_order_++)};
      publish(OrderPlaced{id, 100});
      for (int line = 0; line < lines; ++line) publish(LineAdded{id, "mug", 1});
    }
  }

  /// As a service's handler does it: what was handled is known, in the transaction of what it did.
  template <class P>
  Result<> handle(const P& projection, const Delivery& delivery) {
    Nowhere outlet;
    const Context::Place place{"orders", delivery.id.partition, delivery.id.offset};
    Context context(delivery.envelope, place, "views", outlet);
    auto tx = store_->begin(30s);
    if (!tx) return tx.error();
    const auto first =
        (*tx)->execute("insert into " + prefix_ + "seen(id) values ($1) on conflict do nothing", delivery.envelope.id);
    if (!first) return first.error();
    if (*first == 0) return {};
    Result<> done;
    if (delivery.envelope.type == event_name<OrderPlaced>())
      done = projection(decode_event<OrderPlaced>(delivery.envelope).or_throw(), context, **tx);
    else
      done = projection(decode_event<LineAdded>(delivery.envelope).or_throw(), context, **tx);
    return done ? (*tx)->commit() : done;
  }
  /// Handles what comes until nothing does, or `stop`; each key in its order, and one partition's keys not.
  template <class P>
  void serve(const P& projection, const std::function<bool()>& stop) {
    auto consumer = broker_->subscribe("orders", {.group = "views"}).or_throw();
    while (true) {
      auto got = consumer->fetch(20, 50ms).or_throw();
      if (got.empty() && stop()) break;
      std::ranges::sort(got, std::ranges::greater{},
                        [](const Delivery& one) { return std::pair(one.envelope.key, ~one.id.offset.value); });
      for (const auto& one : got) {
        Result<> done;
        for (int attempt = 0; attempt < 1'000; ++attempt)
          if (done = handle(projection, one); done || done.error().retry == Retry::never) break;
        EXPECT_TRUE(done) << to_string(done.error());
        ++handled_;
        consumer->settle(std::span(&one.id, 1)).or_throw();
      }
    }
    consumer->close(1s).or_throw();
  }

  struct Total {
    std::string order_id;
    std::int64_t total = 0;
    std::int64_t lines = 0;
  };
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> seen() {
    auto tx = store_->begin(30s).or_throw();
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> all;
    for (const auto& one :
         tx->query<Total>("select order_id, total, lines from " + prefix_ + "order_totals").or_throw())
      all[one.order_id] = {one.total, one.lines};
    return all;
  }
  void expect_all(int orders, std::int64_t lines, std::int64_t factor = 1) {
    const auto all = seen();
    EXPECT_EQ(all.size(), static_cast<std::size_t>(orders));
    for (const auto& [id, one] : all)
      EXPECT_EQ(one, (std::pair<std::int64_t, std::int64_t>(100 + lines * factor, lines))) << id;
  }
  std::int64_t number(const std::string& sql) {
    auto tx = store_->begin(10s).or_throw();
    return tx->query_one<std::int64_t>(sql).or_throw().value_or(-1);
  }

  std::string prefix_;
  std::unique_ptr<Broker> broker_;
  std::atomic<int> next_order_ = 0;
  std::atomic<int> handled_ = 0;
};

}  // namespace tidings::aggregate
