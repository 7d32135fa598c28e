// Dead letters keep order, and are driven again in it, within one process.
#include "tidings/service/dead_letters.hpp"

#include "service/testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

const Error bad{"bad", "it is bad"};

namespace v1 {
struct Price {
  std::string id;
  std::int64_t pounds = 0;
  static constexpr tidings::traits<Price> event{.name = "test.price", .topic = "orders", .key = &Price::id};
};
}  // namespace v1
struct Price {
  std::string id;
  std::int64_t pence = 0;
  static constexpr tidings::traits<Price> event{
      .name = "test.price", .version = 2, .topic = "orders", .key = &Price::id};
  static Price upcast(const v1::Price& old) { return {old.id, old.pounds * 100}; }
};

class DeadLettersTest : public ServiceTest {
 protected:
  struct Handled {
    Record<std::string> record;
    std::mutex mutex;
    std::vector<std::string> bad;  // as `a1`

    void mend() {
      const std::scoped_lock lock(mutex);
      bad.clear();
    }
    Result<> operator()(const Order& order) {
      const auto name = order.id + std::to_string(order.number);
      {
        const std::scoped_lock lock(mutex);
        if (std::ranges::find(bad, name) != bad.end()) return Error{"bad", "it is bad"};
      }
      record.add(name);
      return {};
    }
    [[nodiscard]] std::vector<std::string> of(std::string_view key) const {
      auto all = record.values();
      std::erase_if(all, [&](const std::string& one) { return !one.starts_with(key); });
      return all;
    }
  };

  Service& take(Handled& handled, HandlerOptions options = {}) {
    auto& service = make();
    service.on("take", options, [&](const Order& order) { return handled(order); });
    return service;
  }
  DeadLetters desk(const std::string& group = "test.take") { return DeadLetters::read(*broker_, group).or_throw(); }
  std::vector<std::string> parked(const DeadLetterRequest& request = {}) {
    std::vector<std::string> all;
    desk()
        .for_each(request,
                  [&](const DeadLetter& one) {
                    all.push_back(std::string(one.delivery.envelope.key) + ":" + std::string(one.code));
                    return true;
                  })
        .or_throw();
    return all;
  }
  DeadLetterProgress ask(const DeadLetterRequest& request) {
    auto letters = desk();
    letters.publish(request, "").or_throw();
    DeadLetterProgress progress;
    EXPECT_TRUE(eventually([&] {
      progress = letters.progress().or_throw();
      return progress.done == progress.partitions;
    })) << lines_.all();
    return progress;
  }
  /// published = handled + parked, and of those: open, driven again, dropped.
  void expect_conserved(std::uint64_t published, std::string_view topic = "orders") {
    ASSERT_TRUE(caught_up(topic, "test.take"));
    const auto record = group(topic, "test.take");
    EXPECT_EQ(record.handled + record.parked, published);
    std::uint64_t parked = 0;
    for (const auto& one : desk().counts()) {
      EXPECT_EQ(one.parked, one.open() + one.redriven + one.dropped);
      parked += one.parked;
    }
    EXPECT_EQ(record.parked, parked);
  }
};

using Names = std::vector<std::string>;

TEST_F(DeadLettersTest, LaterEventsOfItsKeyAreParkedBehindIt) {
  Handled handled{.bad = {"a1"}};
  auto& service = take(handled);
  for (std::int64_t number = 0; number < 4; ++number) publish(Order{"a", number}), publish(Order{"b", number});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(handled.of("a"), Names{"a0"});
  EXPECT_EQ(handled.of("b").size(), 4U);
  const auto dead = letters("test.take.dead-letters");
  ASSERT_EQ(dead.size(), 3U);
  EXPECT_EQ(dead[0].headers.get(dead_letter::code), "bad");
  EXPECT_EQ(dead[1].headers.get(dead_letter::code), "follows_parked");
  EXPECT_EQ(dead[1].headers.get(dead_letter::follows), "2");
  EXPECT_EQ(dead[1].headers.get(dead_letter::reason),
            "an event of its key is parked: that of orders, partition 0, offset 2");
  EXPECT_EQ(service.stats("take")->parked, 3U);
  EXPECT_EQ(lines_.count("parked event"), 3U);
  EXPECT_EQ(lines_.count("debug test: take parked event"), 2U) << "those behind it are no news";
  expect_conserved(8);
}

TEST_F(DeadLettersTest, WhereOrderDoesNotMatterTheyGoOn) {
  Handled handled{.bad = {"a1"}};
  take(handled, {.after_parked = AfterParked::go_on});
  for (std::int64_t number = 0; number < 4; ++number) publish(Order{"a", number});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(handled.of("a"), (Names{"a0", "a2", "a3"}));
  handled.mend();
  EXPECT_EQ(ask({}).redriven, 1U);
  EXPECT_EQ(handled.of("a"), (Names{"a0", "a2", "a3", "a1"}));
  expect_conserved(4);
}

TEST_F(DeadLettersTest, ItIsKnownAfterARestart) {
  Handled handled{.bad = {"a0"}};
  take(handled);
  publish(Order{"a", 0});
  {
    const auto running = start();
    ASSERT_TRUE(caught_up("orders", "test.take"));
  }
  take(handled);
  publish(Order{"a", 1});
  publish(Order{"b", 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(handled.record.values(), Names{"b1"});
  EXPECT_EQ(parked(), (Names{"a:bad", "a:follows_parked"}));
  expect_conserved(3);
}

TEST_F(DeadLettersTest, TheyAreDrivenAgainInOrder) {
  Handled handled{.bad = {"a0", "b0"}};
  auto& service = take(handled, {.concurrency = 8});
  constexpr std::int64_t count = 200;
  for (std::int64_t number = 0; number < count; ++number)
    for (const auto* key : {"a", "b", "c"}) publish(Order{key, number});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(handled.of("c").size(), static_cast<std::size_t>(count));
  EXPECT_EQ(handled.of("a").size(), 0U);
  handled.mend();
  const auto progress = ask({.filter = {.key = "a"}});
  EXPECT_EQ(progress.redriven, static_cast<std::uint64_t>(count));
  EXPECT_EQ(progress.failed, 0U);
  Names wanted;
  for (std::int64_t number = 0; number < count; ++number) wanted.push_back("a" + std::to_string(number));
  EXPECT_EQ(handled.of("a"), wanted);
  EXPECT_EQ(handled.of("b").size(), 0U) << "the other stays";
  publish(Order{"a", count});
  publish(Order{"b", count});
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(handled.of("a").back(), "a" + std::to_string(count)) << "the key is free";
  EXPECT_EQ(handled.of("b").size(), 0U);
  EXPECT_EQ(service.stats("take")->redriven, static_cast<std::uint64_t>(count));
  expect_conserved(3 * count + 2);
}

TEST_F(DeadLettersTest, WhatComesMeanwhileFollowsBehind) {
  Handled handled{.bad = {"a0"}};
  take(handled, {.concurrency = 4});
  constexpr std::int64_t before = 300, count = 2000;
  for (std::int64_t number = 0; number < before; ++number) publish(Order{"a", number});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  handled.mend();
  std::jthread publishing([&] {
    for (std::int64_t number = before; number < count; ++number) publish(Order{"a", number});
  });
  ask({});
  publishing.join();
  ASSERT_TRUE(handled.record.wait(count)) << handled.record.size();
  Names wanted;
  for (std::int64_t number = 0; number < count; ++number) wanted.push_back("a" + std::to_string(number));
  EXPECT_EQ(handled.of("a"), wanted);
  expect_conserved(count);
}

TEST_F(DeadLettersTest, OneThatFailsAgainStaysAndTheRestBehindIt) {
  Handled handled{.bad = {"a0", "a2"}};
  take(handled);
  for (std::int64_t number = 0; number < 5; ++number) publish(Order{"a", number});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  {
    const std::scoped_lock lock(handled.mutex);
    handled.bad = {"a2"};
  }
  auto progress = ask({});
  EXPECT_EQ(progress.redriven, 2U);
  EXPECT_EQ(progress.failed, 1U);
  EXPECT_EQ(handled.of("a"), (Names{"a0", "a1"}));
  publish(Order{"a", 5});
  ASSERT_TRUE(caught_up("orders", "test.take"));
  handled.mend();
  EXPECT_EQ(ask({}).redriven, 4U);
  EXPECT_EQ(handled.of("a"), (Names{"a0", "a1", "a2", "a3", "a4", "a5"}));
  expect_conserved(6);
}

TEST_F(DeadLettersTest, DroppedOnesAreGoneAndTheirKeyGoesOn) {
  Handled handled{.bad = {"a0", "b0"}};
  take(handled);
  for (std::int64_t number = 0; number < 3; ++number) publish(Order{"a", number}), publish(Order{"b", number});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  auto progress = ask({.action = DeadLetterRequest::Action::drop, .filter = {.key = "a"}});
  EXPECT_EQ(progress.dropped, 3U);
  progress = ask({.action = DeadLetterRequest::Action::drop, .filter = {.key = "b"}, .only_first = true});
  EXPECT_EQ(progress.dropped, 1U);
  EXPECT_EQ(progress.redriven, 2U);
  publish(Order{"a", 3});
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(handled.record.values(), (Names{"b1", "b2", "a3"}));
  expect_conserved(7);
}

TEST_F(DeadLettersTest, OtherGroupsGetNothingOfIt) {
  Handled handled{.bad = {"a0"}};
  Record<std::string> others;
  auto& service = take(handled);
  service.on("other", {}, [&](const Order& order) { others.add(order.id); });
  publish(Order{"a", 0});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  ASSERT_TRUE(caught_up("orders", "test.other"));
  handled.mend();
  EXPECT_EQ(ask({}).redriven, 1U);
  EXPECT_EQ(others.size(), 1U);
  EXPECT_EQ(read("orders").size(), 1U);
}

TEST_F(DeadLettersTest, ARequestWaitsForAServiceToStart) {
  Handled handled{.bad = {"a0"}};
  take(handled);
  publish(Order{"a", 0});
  publish(Order{"a", 1});
  {
    const auto running = start();
    ASSERT_TRUE(caught_up("orders", "test.take"));
  }
  auto letters = desk();
  letters.publish({}, "").or_throw();
  EXPECT_FALSE(letters.is_anybody_there().or_throw());
  handled.mend();
  take(handled);
  const auto running = start();
  EXPECT_TRUE(handled.record.wait(2));
  EXPECT_TRUE(eventually([&] { return letters.progress().or_throw().done == 1; }));
  EXPECT_TRUE(letters.is_anybody_there().or_throw());
  EXPECT_EQ(handled.record.values(), (Names{"a0", "a1"}));
}

TEST_F(DeadLettersTest, WhatIsDrivenAgainIsAsItWas) {
  std::vector<Envelope> seen;
  std::mutex mutex;
  std::atomic<bool> fails = true;
  Record<int> attempts;
  auto& service = make();
  service.on("take", {}, [&](const Order&, Context& context) -> Result<> {
    attempts.add(context.attempt());
    if (fails) return bad;
    const std::scoped_lock lock(mutex);
    seen.emplace_back(context.envelope());
    EXPECT_EQ(context.place().topic, "orders");
    EXPECT_EQ(context.place().offset, Offset{1});
    return context.publish(Confirmed{"c", {}});
  });
  publish(Cancelled{"z"});
  auto sent = make_envelope(Order{"a", 0}, {.source = "elsewhere"}).or_throw();
  sent.headers.set("tenant", "7");
  publish_raw("orders", sent);
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  fails = false;
  EXPECT_EQ(ask({}).redriven, 1U);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0], sent);
  EXPECT_EQ(attempts.values(), (std::vector{1, 2}));
  EXPECT_EQ(read("mails").at(0).causation_id, sent.id);
}

TEST_F(DeadLettersTest, OneOfAnOlderVersionIsUpcastWhenItIsDrivenAgainAndOnReplay) {
  make().on("take", {}, [](const v1::Price&) -> Result<> { return bad; });
  {
    const auto running = start();
    publish(v1::Price{"a", 3});
    publish(v1::Price{"b", 4});
    ASSERT_TRUE(caught_up("orders", "test.take"));
    ASSERT_EQ(parked().size(), 2U);
  }
  // The mended service knows a later version.
  Record<std::string> seen;
  const auto mended = [&] {
    make().on("take", {}, [&](const Price& price) { seen.add(price.id + " " + std::to_string(price.pence)); });
  };
  mended();
  {
    const auto running = start();
    EXPECT_EQ(ask({.filter = {.key = "a"}}).redriven, 1U);
    EXPECT_EQ(seen.values(), std::vector<std::string>{"a 300"});
    EXPECT_EQ(ask({}).redriven, 1U);
  }
  ASSERT_TRUE(broker_->seek("orders", "test.take", Start::earliest()));
  mended();
  const auto running = start();
  ASSERT_TRUE(seen.wait(4));
  auto all = seen.values();
  std::sort(all.begin() + 2, all.end());  // two keys, in any order
  EXPECT_EQ(all, (std::vector<std::string>{"a 300", "b 400", "a 300", "b 400"}));
}

TEST_F(DeadLettersTest, OfSeveralTopicsTheyTakeTheLargestOfAll) {
  broker_->create_topic("small", {.event_bytes_max = 1000}).or_throw();
  broker_->create_topic("large", {.partitions = 2}).or_throw();
  make().on_any("take", {"small", "large"}, {}, [](const EnvelopeView&, Context&) -> Result<> { return bad; });
  const auto running = start();
  auto event = make_envelope(Order{"a", 1}, {.source = "elsewhere"}).or_throw();
  publish_raw("small", event);
  ASSERT_TRUE(caught_up("small", "test.take"));
  event.payload = "\"" + std::string(20'000, 'x') + "\"";
  publish_raw("large", event);
  ASSERT_TRUE(caught_up("large", "test.take")) << lines_.all();
  EXPECT_EQ(letters("test.take.dead-letters").size(), 2U);
  EXPECT_EQ(broker_->topic("test.take.dead-letters").or_throw().partitions.size(), 2U);
}

TEST_F(DeadLettersTest, ABatchHandlerHasThemInOrderToo) {
  Record<std::string> handled;
  std::atomic<bool> fails = true;
  make().on("take", {.batch_max = 10}, [&](const Batch<Order>& batch) -> Result<> {
    for (const auto& [order, context] : batch)
      if (order.number == 2 && fails) return bad;
    for (const auto& [order, context] : batch) handled.add(order.id + std::to_string(order.number));
    return {};
  });
  for (std::int64_t number = 0; number < 6; ++number) publish(Order{number % 2 == 0 ? "a" : "b", number});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(handled.values(), (Names{"a0", "b1", "b3", "b5"}));
  fails = false;
  EXPECT_EQ(ask({}).redriven, 2U);
  EXPECT_EQ(handled.values(), (Names{"a0", "b1", "b3", "b5", "a2", "a4"}));
}

TEST_F(DeadLettersTest, OfABatchNothingOfAKeyIsHandledBehindWhatCannotBeDecoded) {
  Record<std::string> handled;
  make().on("take", {}, [&](const Batch<Order>& batch) {
    for (const auto& [order, context] : batch) handled.add(order.id + std::to_string(order.number));
  });
  auto envelope = make_envelope(Order{"a", 1}, {.source = "elsewhere"}).or_throw();
  envelope.payload = "[";
  publish_raw("orders", envelope);
  publish(Order{"a", 2});
  publish(Order{"b", 3});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(handled.values(), Names{"b3"});
  EXPECT_EQ(parked(), (Names{"a:wrong_type", "a:follows_parked"}));
}

TEST_F(DeadLettersTest, EventsWithoutAKeyAreByThemselves) {
  Record<std::int64_t> handled;
  std::atomic<bool> fails = true;
  make().on("take", {}, [&](const Tick& tick) -> Result<> {
    if (tick.number % 2 == 0 && fails) return bad;
    handled.add(tick.number);
    return {};
  });
  for (std::int64_t number = 0; number < 10; ++number) publish(Tick{number});
  const auto running = start();
  ASSERT_TRUE(caught_up("ticks", "test.take"));
  EXPECT_EQ(handled.size(), 5U);
  EXPECT_EQ(desk().counts().at(0).blocked_keys, 0U);
  fails = false;
  EXPECT_EQ(ask({}).redriven, 5U);
  EXPECT_EQ(handled.size(), 10U);
  expect_conserved(10, "ticks");
}

TEST_F(DeadLettersTest, FiltersLookAtTheFirstOfAKey) {
  Handled handled{.bad = {"a0", "b0"}};
  take(handled);
  const auto running = start();
  for (const std::int64_t number : {0, 1}) {
    for (const auto* key : {"a", "b"}) {  // one after the other: two keys are parked in any order
      publish(Order{key, number});
      ASSERT_TRUE(caught_up("orders", "test.take"));
    }
  }
  EXPECT_EQ(parked({.filter = {.code = "bad"}}), (Names{"a:bad", "b:bad", "a:follows_parked", "b:follows_parked"}));
  EXPECT_EQ(parked({.filter = {.code = "follows_parked"}}), Names{});
  EXPECT_EQ(parked({.filter = {.key = "b"}}), (Names{"b:bad", "b:follows_parked"}));
  EXPECT_EQ(parked({.filter = {.parked_before = system_clock().now() - 1h}}), Names{});
  EXPECT_EQ(parked({.filter = {.parked_after = system_clock().now() - 1h}}).size(), 4U);
}

TEST_F(DeadLettersTest, AnEventThatCannotBeWrittenDownHoldsUpNoOtherKey) {
  Handled handled{.bad = {"a0", "b0", "c0"}};
  take(handled, {.retry = {.immediate = 0, .delayed = 0, .first = 1ms, .longest = 2ms}});
  // No letter of `big` goes into what somebody made too small.
  broker_->create_topic("test.take.dead-letters", {.partitions = 1, .event_bytes_max = 1200}).or_throw();
  const std::string big(1000, 'x');
  publish(Order{"a", 0});
  {
    const std::scoped_lock lock(handled.mutex);
    handled.bad.push_back(big + "0");
  }
  publish(Order{big, 0});
  publish(Order{"b", 0});
  publish(Order{"c", 0});
  const auto running = start();
  EXPECT_TRUE(eventually([&] { return group("orders", "test.take").parked >= 1 && parked().size() == 3; }));
  EXPECT_TRUE(eventually([&] {
    return lines_.count("could not park the event in test.take.dead-letters: too_large") >= 1;
  })) << lines_.all();
}

}  // namespace
}  // namespace tidings::service
