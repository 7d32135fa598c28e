#include <unistd.h>

#include "aggregate/projection_testing.hpp"
#include "tidings/aggregate/inspect.hpp"

namespace tidings::aggregate {
namespace {

class RebuildTest : public ProjectionTest {};
INSTANTIATE_TEST_SUITE_P(Stores, RebuildTest, ::testing::Values("sqlite", "postgres", "committed"));

TEST_P(RebuildTest, ItIsRebuiltWhileTheOldServesAndNothingIsThereTwice) {
  const auto projection = totals();
  projection.prepare(*store_).or_throw();
  constexpr int before = 60;
  constexpr int meanwhile = 30;
  publish_orders(before, 4);
  std::atomic<bool> ends = false;
  std::vector<std::jthread> all;
  for (int one = 0; one < 2; ++one) all.emplace_back([&] { serve(projection, [&] { return ends.load(); }); });
  while (handled_ < before) std::this_thread::sleep_for(1ms);
  int batches = 0;
  for (int times = 0; times < 3; ++times) {
    const auto rebuilt =
        rebuild(*store_, *broker_, projection, {.batch_max = 50, .progress = [&](const RebuildProgress&) {
                                                  if (++batches <= meanwhile) publish_orders(1, 4);
                                                }});
    ASSERT_TRUE(rebuilt) << to_string(rebuilt.error());
    EXPECT_EQ(rebuilt->generation, times + 2);
    EXPECT_GE(rebuilt->events, static_cast<std::uint64_t>(before * 5));
  }
  EXPECT_GT(batches, 3);
  if (batches < meanwhile) publish_orders(meanwhile - batches, 4);
  ends = true;
  all.clear();
  expect_all(before + meanwhile, 4);
  EXPECT_EQ(count("projection_generations"), 1) << "what served before is gone";
  EXPECT_EQ(count("projection_positions"), 4);
}

TEST_P(RebuildTest, AnotherVersionIsBuiltBesideAndServesFromTheSwitchOn) {
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

TEST_P(RebuildTest, AProjectionTakesNoOthersTables) {
  const auto projection = totals();
  projection.prepare(*store_).or_throw();
  publish_orders(2, 1);
  rebuild(*store_, *broker_, projection).or_throw();  // so that the first generation's names are free again
  const auto other = tidings::projection<OrderPlaced>(
      "others", {.tables = {{"order_totals", "order_id text primary key"}}, .names = tables_},
      [](const OrderPlaced&, ReadModel&) {});
  EXPECT_EQ(code(other.prepare(*store_)), "table_taken");
  expect_all(2, 1);
  EXPECT_EQ(count("projections"), 1);
}

TEST_P(RebuildTest, ARebuildThatWasStoppedGoesOnWhereItWas) {
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

TEST_P(RebuildTest, OfTwoAtOnceOneIsToldAndNothingIsThereTwice) {
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

TEST_P(RebuildTest, AnEventThatCannotBeAppliedStopsItAndIsNamed) {
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

TEST_P(RebuildTest, WhatIsHandledWhileItSwitchesIsInWhatServesThen) {
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

TEST_P(RebuildTest, WhatTheTopicNoLongerHasIsTold) {
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

TEST_P(RebuildTest, ATopicThatGivesNothingIsNotWaitedForForEver) {
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

TEST_P(RebuildTest, PartitionsThatAreAddedMeanwhileMakeItBeginAnew) {
  const auto projection = totals();
  projection.prepare(*store_).or_throw();
  publish_orders(3, 2);
  TellingBroker telling(*broker_);
  int looks = 0;
  telling.tell = [&](TopicInfo& info) {
    if (++looks > 3) info.partitions.push_back({Partition{4}, Offset{0}, Offset{0}});
  };
  EXPECT_EQ(code(rebuild(*store_, telling, projection, {.batch_max = 1})), "more_partitions");
  EXPECT_EQ(looks, 4);
  EXPECT_EQ(code(rebuild(*store_, telling, projection)), "more_partitions") << "nor does it go on with the others";
  EXPECT_EQ(rebuild(*store_, *broker_, projection, {.anew = true}).or_throw().events, 9U);
  expect_all(3, 2);
}

TEST_P(RebuildTest, LastOffsetsThatHoldNoEventKeepItFromNothing) {
  const auto projection = totals();
  projection.prepare(*store_).or_throw();
  publish_orders(3, 2);
  TellingBroker telling(*broker_);
  // As Kafka's marks of transactions: the topic ends behind them, and nothing is given there.
  telling.tell = [](TopicInfo& info) {
    for (auto& one : info.partitions) one.end.value += 2;
  };
  std::atomic<int> asked = 0;
  telling.read_to = [&](Partition partition) -> std::optional<Offset> {
    if (++asked < 8) return std::nullopt;  // it comes to know later
    return Offset{broker_->topic("orders").or_throw().partitions.at(partition.value).end.value + 2};
  };
  const auto rebuilt = rebuild(*store_, telling, projection, {.quiet_max = 10s});
  ASSERT_TRUE(rebuilt) << to_string(rebuilt.error());
  EXPECT_EQ(rebuilt->events, 9U);
  expect_all(3, 2);
  publish_orders(1, 2);
  serve(projection, [] { return true; });
  expect_all(4, 2);
}

TEST_P(RebuildTest, TheTopicOfANamespaceIsThatOfItsServices) {
  const auto projection = totals();
  projection.prepare(*store_).or_throw();
  publish_orders(1, 0);
  broker_->create_topic("eu.orders", {.partitions = 2}).or_throw();
  const auto envelope = make_envelope(OrderPlaced{{"of-europe"}, 7}, {.source = "shop"}).or_throw();
  const auto view = envelope.view();
  broker_->publish("eu.orders", std::span(&view, 1)).or_throw();
  rebuild(*store_, *broker_, projection, {.name_space = "eu"}).or_throw();
  EXPECT_EQ(seen().size(), 1U);
  EXPECT_EQ(seen().at("of-europe").first, 7);
}

TEST_P(RebuildTest, PayloadsThatAreElsewhereAreFetched) {
  const auto projection = totals();
  projection.prepare(*store_).or_throw();
  auto ticket = make_envelope(OrderPlaced{{"large"}, 9}, {.source = "shop"}).or_throw();
  const auto payload = std::exchange(ticket.payload, "");
  auto other = ticket;
  other.type = "shop.of-nobody";
  for (const auto& one : {other, ticket}) {
    const auto view = one.view();
    broker_->publish("orders", std::span(&view, 1)).or_throw();
  }
  EXPECT_EQ(code(rebuild(*store_, *broker_, projection)), "bad_event");
  const auto gone = rebuild(*store_, *broker_, projection, {.payload = [](const EnvelopeView&) -> Result<std::string> {
    return Error{"claim_missing", "it is not there", Retry::same_call};
  }});
  ASSERT_EQ(code(gone), "bad_payload");
  EXPECT_EQ(gone.error().retry, Retry::same_call);
  int fetched = 0;
  rebuild(*store_, *broker_, projection, {.payload = [&](const EnvelopeView&) -> Result<std::string> {
    ++fetched;
    return payload;
  }}).or_throw();
  EXPECT_EQ(fetched, 1) << "what is not the projection's is not looked for";
  EXPECT_EQ(seen().at("large").first, 9);
}

/// What people have said of what readers see is PostgreSQL's.
class SaidOfAViewTest : public ProjectionTest {
 protected:
  void SetUp() override {
    ProjectionTest::SetUp();
    if (!store_) return;
    static std::atomic<int> number = 0;
    reader_ = "reader_" + std::to_string(::getpid()) + "_" + std::to_string(number++);
    run("create role " + reader_);
    run("create role " + reader_ + "_owner");
    run("grant usage, create on schema " + tables_.schema() + " to " + reader_ + "_owner");
  }
  [[nodiscard]] bool may(const std::string& who, const std::string& right, const std::string& relation) {
    return number("select has_table_privilege('" + who + "', '" + relation + "', '" + right + "')::int") == 1;
  }
  std::string text(const std::string& sql) {
    auto tx = store_->begin(10s).or_throw();
    return tx->query_one<std::string>(sql).or_throw().value_or("");
  }
  std::string reader_;
};
INSTANTIATE_TEST_SUITE_P(Stores, SaidOfAViewTest, ::testing::Values("postgres"));

TEST_P(SaidOfAViewTest, RightsOwnerAndCommentsOutliveARebuild) {
  const auto projection = totals();
  projection.prepare(*store_).or_throw();
  publish_orders(2, 1);
  const auto view = prefix_ + "order_totals";
  const auto owner = reader_ + "_owner";
  run("grant select on " + view + " to " + reader_ + " with grant option");
  run("grant update (total) on " + view + " to public");
  run("grant select on " + view + "_1 to " + owner);
  run("comment on view " + view + " is 'what @ orders come to'");
  run("comment on column " + view + ".total is 'in minor units, it''s'");
  run("alter view " + view + " set (security_barrier = true)");
  run("alter view " + view + " owner to " + owner);
  run("create view " + prefix_ + "of_it as select count(*) as orders from " + view);
  const auto expect_said = [&](const std::string& made) {
    EXPECT_TRUE(may(reader_, "select", view));
    EXPECT_TRUE(may(reader_, "select with grant option", view));
    EXPECT_FALSE(may(reader_, "insert", view));
    EXPECT_EQ(number("select has_column_privilege('" + reader_ + "', '" + view + "', 'total', 'update')::int"), 1);
    EXPECT_EQ(number("select has_column_privilege('" + reader_ + "', '" + view + "', 'lines', 'update')::int"), 0);
    EXPECT_EQ(text("select obj_description('" + view + "'::regclass, 'pg_class')"), "what @ orders come to");
    EXPECT_EQ(text("select col_description(attrelid, attnum) from pg_attribute where attrelid = '" + view +
                   "'::regclass and attname = 'total'"),
              "in minor units, it's");
    EXPECT_EQ(text("select array_to_string(reloptions, ',') from pg_class where oid = '" + view + "'::regclass"),
              "security_barrier=true");
    EXPECT_EQ(text("select pg_get_userbyid(relowner)::text from pg_class where oid = '" + view + "'::regclass"), owner);
    EXPECT_TRUE(may(owner, "select", view + made)) << "in whose name the view reads";
  };
  rebuild(*store_, *broker_, projection).or_throw();
  expect_said("_2");
  EXPECT_EQ(number("select orders from " + prefix_ + "of_it"), 2) << "what was made of the view shows what serves";

  // Another version, whose columns are not the same: the view is another one.
  run("drop view " + prefix_ + "of_it");
  const auto next = tidings::projection<OrderPlaced>(
      "order-totals",
      {.tables = {{"order_totals", "total bigint not null, order_id text primary key, lines bigint default 0"}},
       .version = 2,
       .names = tables_},
      [](const OrderPlaced& event, ReadModel& model) -> Result<> {
        auto done = model.execute("insert into {order_totals}(order_id, total) values ($1, $2)", event.order_id.value,
                                  event.total);
        return done ? Result<>{} : done.error();
      });
  next.prepare(*store_).or_throw();
  run("alter default privileges in schema " + tables_.schema() + " grant insert on tables to " + reader_);
  rebuild(*store_, *broker_, next).or_throw();
  expect_said("_3");
  EXPECT_EQ(number("select count(*) from pg_views where schemaname = '" + tables_.schema() +
                   "' and viewname = 'order_counts'"),
            0)
      << "what it no longer has";
}

}  // namespace
}  // namespace tidings::aggregate
