#include "aggregate/projection_testing.hpp"

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

}  // namespace
}  // namespace tidings::aggregate
