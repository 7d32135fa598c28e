#include "tidings/aggregate/projection.hpp"

#include <algorithm>
#include <map>
#include <thread>

#include "aggregate/testing.hpp"
#include "tidings/aggregate/rebuild.hpp"
#include "tidings/brokers/open.hpp"

namespace tidings::aggregate {
namespace {

using shop::LineAdded;
using shop::OrderPlaced;

struct Nowhere final : tidings::detail::Outlet {
  Result<> publish(std::string_view, Envelope) override { return {}; }
};

/// A broker in front of another, which tells of a topic what a test wants.
class TellingBroker final : public Broker {
 public:
  explicit TellingBroker(Broker& broker) : broker_(broker) {}
  std::function<void(TopicInfo&)> tell;

  [[nodiscard]] const Capabilities& capabilities() const override { return broker_.capabilities(); }
  Result<> create_topic(std::string_view topic, const TopicOptions& options) override {
    return broker_.create_topic(topic, options);
  }
  Result<std::vector<Published>> publish(std::string_view topic, std::span<const EnvelopeView> events,
                                         const PublishOptions& options) override {
    return broker_.publish(topic, events, options);
  }
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) override {
    return broker_.subscribe(topic, options);
  }
  Result<std::vector<TopicInfo>> topics() override { return broker_.topics(); }
  Result<TopicInfo> topic(std::string_view topic) override {
    auto info = broker_.topic(topic);
    if (info) tell(*info);
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
INSTANTIATE_TEST_SUITE_P(Stores, ProjectionTest, ::testing::Values("sqlite", "postgres", "committed"));

TEST_P(ProjectionTest, ItIsPreparedOnceHoweverManyAsk) {
  {
    std::vector<std::jthread> all;
    for (int one = 0; one < 4; ++one)
      all.emplace_back([&] {
        const auto store = open_store(url_).or_throw();
        EXPECT_EQ(code(totals().prepare(*store)), "");
      });
  }
  EXPECT_EQ(count("projections"), 1);
  EXPECT_EQ(count("projection_generations"), 1);
  EXPECT_TRUE(seen().empty());
}

TEST_P(ProjectionTest, EventsAreInItOnce) {
  const auto projection = totals();
  projection.prepare(*store_).or_throw();
  publish_orders(5, 3);
  serve(projection, [] { return true; });
  EXPECT_EQ(handled_, 20);
  expect_all(5, 3);
}

TEST_P(ProjectionTest, ItIsRebuiltWhileTheOldServesAndNothingIsThereTwice) {
  const auto projection = totals();
  projection.prepare(*store_).or_throw();
  constexpr int before = 60;
  constexpr int meanwhile = 30;
  publish_orders(before, 4);
  std::atomic<bool> ends = false;
  std::vector<std::jthread> all;
  for (int one = 0; one < 2; ++one) all.emplace_back([&] { serve(projection, [&] { return ends.load(); }); });
  all.emplace_back([&] {
    for (int order = 0; order < meanwhile; ++order) {
      publish_orders(1, 4);
      std::this_thread::sleep_for(5ms);
    }
  });
  while (handled_ < before) std::this_thread::sleep_for(1ms);
  std::uint64_t batches = 0;
  for (int times = 0; times < 3; ++times) {
    const auto rebuilt = rebuild(*store_, *broker_, projection,
                                 {.batch_max = 50, .progress = [&](const RebuildProgress&) { ++batches; }});
    ASSERT_TRUE(rebuilt) << to_string(rebuilt.error());
    EXPECT_EQ(rebuilt->generation, times + 2);
    EXPECT_GE(rebuilt->events, static_cast<std::uint64_t>(before * 5));
  }
  EXPECT_GT(batches, 3U);
  all.back().join();
  ends = true;
  all.clear();
  expect_all(before + meanwhile, 4);
  EXPECT_EQ(count("projection_generations"), 1) << "what served before is gone";
  EXPECT_EQ(count("projection_positions"), 4);
}

TEST_P(ProjectionTest, AnotherVersionIsBuiltBesideAndServesFromTheSwitchOn) {
  const auto old = totals();
  old.prepare(*store_).or_throw();
  publish_orders(4, 2);
  serve(old, [] { return true; });
  const auto next = totals(2, 10, ", note text");
  next.prepare(*store_).or_throw();
  auto consumer = broker_->subscribe("orders", {.group = {}}).or_throw();
  const auto got = consumer->fetch(1, 1s).or_throw();
  ASSERT_EQ(got.size(), 1U);
  run("delete from " + prefix_ + "seen");
  EXPECT_EQ(code(handle(next, got[0])), "unavailable") << "until it is rebuilt";
  expect_all(4, 2);
  rebuild(*store_, *broker_, next).or_throw();
  expect_all(4, 2, 10);
  EXPECT_EQ(number("select count(*) from " + prefix_ + "order_totals where note is null"), 4);
  const auto refused = handle(old, got[0]);
  EXPECT_EQ(code(refused), "unavailable");
  EXPECT_EQ(refused.error().retry, Retry::same_call);
  EXPECT_EQ(code(handle(next, got[0])), "") << "it is in what was built";
  expect_all(4, 2, 10);
  publish_orders(1, 2);
  serve(next, [] { return true; });
  expect_all(5, 2, 10);
}

TEST_P(ProjectionTest, ARebuildThatWasStoppedGoesOnWhereItWas) {
  const auto projection = totals();
  projection.prepare(*store_).or_throw();
  publish_orders(20, 4);
  std::stop_source stop;
  std::uint64_t read = 0;
  const auto stopped = rebuild(*store_, *broker_, projection,
                               {.batch_max = 10, .stop = stop.get_token(), .progress = [&](const RebuildProgress& at) {
                                  read = at.events;
                                  if (at.events >= 30) stop.request_stop();
                                }});
  EXPECT_EQ(code(stopped), "stopped");
  EXPECT_TRUE(seen().empty()) << "the old one serves";
  const auto rest = rebuild(*store_, *broker_, projection, {.batch_max = 10}).or_throw();
  EXPECT_EQ(read + rest.events, 100U);
  EXPECT_EQ(rest.generation, 2);
  expect_all(20, 4);
  const auto anew = rebuild(*store_, *broker_, projection, {.anew = true}).or_throw();
  EXPECT_EQ(anew.events, 100U);
}

TEST_P(ProjectionTest, OfTwoAtOnceOneIsToldAndNothingIsThereTwice) {
  const auto projection = totals();
  projection.prepare(*store_).or_throw();
  publish_orders(60, 4);
  std::atomic<int> done = 0;
  {
    std::vector<std::jthread> all;
    for (int one = 0; one < 3; ++one)
      all.emplace_back([&] {
        const auto rebuilt = rebuild(*store_, *broker_, projection, {.batch_max = 20});
        if (rebuilt) {
          ++done;
          return;
        }
        EXPECT_TRUE(code(rebuilt) == "busy" || code(rebuilt) == "conflict") << to_string(rebuilt.error());
        EXPECT_EQ(rebuilt.error().retry, Retry::same_call) << to_string(rebuilt.error());
      });
  }
  if (done == 0) rebuild(*store_, *broker_, projection).or_throw();
  expect_all(60, 4);
}

TEST_P(ProjectionTest, AnEventThatCannotBeAppliedStopsItAndIsNamed) {
  const auto projection = totals();
  projection.prepare(*store_).or_throw();
  publish_orders(3, 2);
  serve(projection, [] { return true; });
  publish(LineAdded{{"o-1"}, "bad", 1});
  const auto refused = rebuild(*store_, *broker_, projection);
  ASSERT_EQ(code(refused), "bad_event");
  for (const auto* const part : {"shop.line-added", "partition", "offset", "bad_line"})
    EXPECT_NE(refused.error().message.find(part), std::string::npos) << refused.error().message;
  expect_all(3, 2);
}

TEST_P(ProjectionTest, WhatIsWrongIsTold) {
  const auto projection = totals();
  EXPECT_EQ(code(rebuild(*store_, *broker_, projection)), "not_prepared");
  projection.prepare(*store_).or_throw();
  EXPECT_EQ(code(rebuild(*store_, *broker_, projection, {.topic = "none"})), "unknown_topic");
  const auto of = [&](std::vector<ProjectionTable> tables) {
    return code(tidings::projection<OrderPlaced>("p", {.tables = std::move(tables), .names = tables_},
                                                 [](const OrderPlaced&, ReadModel&) {})
                    .prepare(*store_));
  };
  EXPECT_EQ(of({}), "invalid_options");
  EXPECT_EQ(of({{"a b", "x integer"}}), "invalid_name");
  EXPECT_EQ(of({{"a", "x integer"}, {"a", "x integer"}}), "invalid_options");
  EXPECT_EQ(of({{"a", "x nonsense ("}}), "sql_error");
  EXPECT_EQ(count("projections"), 1);
}

TEST_P(ProjectionTest, WhatIsHandledWhileItSwitchesIsInWhatServesThen) {
  const auto projection = totals();
  projection.prepare(*store_).or_throw();
  publish_orders(1, 0);
  serve(projection, [] { return true; });
  auto reader = broker_->subscribe("orders", {.group = {}, .start = Start::latest()}).or_throw();
  TellingBroker telling(*broker_);
  std::jthread handler;
  std::atomic<bool> is_handled = false;
  int looks = 0;
  // The fourth look is the last one: all is read, and it is about to switch. Just then one more comes, and is handled.
  telling.tell = [&](TopicInfo&) {
    if (++looks != 4) return;
    publish_orders(1, 0);
    const auto got = reader->fetch(1, 5s).or_throw();
    ASSERT_EQ(got.size(), 1U);
    handler = std::jthread([&, one = got[0]] {
      for (int attempt = 0; attempt < 1'000; ++attempt)
        if (const auto done = handle(projection, one); done || done.error().retry == Retry::never) {
          EXPECT_TRUE(done) << to_string(done.error());
          break;
        }
      is_handled = true;
    });
    for (int wait = 0; wait < 30 && !is_handled; ++wait) std::this_thread::sleep_for(10ms);
  };
  rebuild(*store_, telling, projection).or_throw();
  EXPECT_EQ(looks, 4);
  if (handler.joinable()) handler.join();
  EXPECT_TRUE(is_handled);
  EXPECT_EQ(seen().size(), 2U);
}

TEST_P(ProjectionTest, WhatTheTopicNoLongerHasIsTold) {
  const auto projection = totals();
  projection.prepare(*store_).or_throw();
  publish_orders(1, 0);
  const auto partition = [&] {
    for (const auto& one : broker_->topic("orders").or_throw().partitions)
      if (one.end.value > 0) return one.partition.value;
    return 0U;
  }();
  publish(LineAdded{{"o-0"}, "mug", 1});
  publish(OrderPlaced{{"o-0"}, 7});
  TellingBroker telling(*broker_);
  telling.tell = [&](TopicInfo& info) { info.partitions.at(partition).earliest = Offset{2}; };
  EXPECT_EQ(code(rebuild(*store_, telling, projection)), "history_gone");
  EXPECT_EQ(count("projection_generations"), 1) << "nothing was begun";
  rebuild(*store_, telling, projection, {.from_earliest_kept = true}).or_throw();
  EXPECT_EQ(seen().at("o-0").first, 7);
}

TEST_P(ProjectionTest, ATopicThatGivesNothingIsNotWaitedForForEver) {
  const auto projection = totals();
  projection.prepare(*store_).or_throw();
  publish_orders(1, 0);
  TellingBroker telling(*broker_);
  telling.tell = [&](TopicInfo& info) { ++info.partitions.at(0).end.value; };
  const auto stalled = rebuild(*store_, telling, projection, {.quiet_max = 300ms});
  ASSERT_EQ(code(stalled), "stalled");
  EXPECT_EQ(stalled.error().retry, Retry::same_call);
  EXPECT_EQ(rebuild(*store_, *broker_, projection).or_throw().generation, 2);
  expect_all(1, 0);
}

TEST(ReadModelTest, NamesInBracesAreTablesOfTheGeneration) {
  const ProjectionOptions options{.tables = {{"totals", "x integer"}}};
  struct None final : Transaction {
    Result<std::uint64_t> run_statement(std::string_view, std::span<const SqlView>) override { return 0; }
    Result<> run_query(std::string_view, std::span<const SqlView>, tidings::detail::RowSink&) override { return {}; }
    void* native_handle(std::string_view) override { return nullptr; }
  } tx;
  const ReadModel model(tx, options, 3);
  EXPECT_EQ(model.with_tables("select * from {totals} t, {totals}"), "select * from totals_3 t, totals_3");
  EXPECT_EQ(model.with_tables("select '{\"a\":{}}', '{other}', '{'"), "select '{\"a\":{}}', '{other}', '{'");
}

}  // namespace
}  // namespace tidings::aggregate
