#include "tidings/bus/bus.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>

namespace shop {

struct Placed {
  int number = 0;
  static constexpr tidings::traits<Placed> event{.name = "shop.placed"};
};
struct Cancelled {
  int number = 0;
};

}  // namespace shop

namespace {

using shop::Cancelled;
using shop::Placed;
using tidings::AnyEvent;
using tidings::Bus;
using tidings::Context;
using tidings::Error;
using tidings::Result;
using tidings::Subscription;

TEST(Bus, CallsSubscribersOfTheTypeInOrder) {
  Bus bus;
  std::string calls;
  auto a = bus.subscribe([&](const Placed& event) { calls += "a" + std::to_string(event.number); });
  auto b = bus.subscribe([&](const Cancelled&) { calls += "b"; });
  auto c = bus.subscribe([&](const AnyEvent& any) { calls += any.get<Placed>() != nullptr ? "P" : "?"; });
  auto d = bus.subscribe([&](const Placed&, Context&) -> Result<> {
    calls += "d";
    return {};
  });
  auto published = bus.publish(Placed{7});
  EXPECT_TRUE(published);
  EXPECT_EQ(published.handlers(), 3U);
  EXPECT_EQ(calls, "a7Pd");
  EXPECT_TRUE(bus.publish(Cancelled{}));
  EXPECT_EQ(calls, "a7Pdb?");
}

/// One name on the bus and on the wire; types without one go all the same.
TEST(Bus, CallsEventsByTheirWireNames) {
  struct Local {};
  Bus bus;
  auto a = bus.subscribe<Placed, Cancelled, Local>([](const auto&) {});
  std::string type, envelope_type;
  auto b = bus.subscribe([&](const AnyEvent& any, Context& context) {
    type = any.type();
    envelope_type = context.envelope().type;
  });
  EXPECT_TRUE(bus.publish(Cancelled{}));
  EXPECT_EQ(type, tidings::event_name<Cancelled>());
  EXPECT_EQ(type, "shop.Cancelled");
  EXPECT_EQ(envelope_type, type);
  EXPECT_TRUE(bus.publish(Local{}));
  EXPECT_NE(type.find("Local"), std::string::npos);
  const auto events = bus.subscriptions().at(0).events;
  EXPECT_EQ(events.at(0), "shop.placed");
  EXPECT_EQ(events.at(1), "shop.Cancelled");
  EXPECT_EQ(events.at(2), type);
}

TEST(Bus, WithoutSubscribersIsFine) {
  Bus bus;
  EXPECT_EQ(bus.publish(Placed{}).handlers(), 0U);
}

struct Inventory {
  int seen = 0;
  Result<> on(const Placed& event) {
    seen += event.number;
    return {};
  }
  void look(const Placed&, Context&) const {}
};
struct Both {
  std::string* calls;
  void operator()(const Placed&) const { *calls += "p"; }
  Result<> operator()(const Cancelled&, Context&) const {
    *calls += "c";
    return {};
  }
};
int free_calls = 0;
void free_handler(const Placed&) {
  ++free_calls;
}

TEST(Bus, TakesMembersOverloadsGenericsAndFunctions) {
  Bus bus;
  Inventory inventory;
  std::string calls;
  auto a = bus.subscribe(&Inventory::on, &inventory);
  auto b = bus.subscribe(&Inventory::look, &inventory);
  auto c = bus.subscribe<Placed, Cancelled>(Both{&calls});
  auto d = bus.subscribe<Placed, Cancelled>([&](const auto&) { calls += "g"; });
  auto e = bus.subscribe(free_handler);
  EXPECT_EQ(bus.publish(Placed{5}).handlers(), 5U);
  EXPECT_EQ(bus.publish(Cancelled{}).handlers(), 2U);
  EXPECT_EQ(inventory.seen, 5);
  EXPECT_EQ(calls, "pgcg");
  EXPECT_EQ(free_calls, 1);
}

struct Warehouse : Inventory {
  void quiet(const Placed&) noexcept {}
};

TEST(Bus, MemberFunctionsHaveOptionsQueuesAndObjectsOfDerivedClasses) {
  Bus bus;
  Warehouse warehouse;
  const Inventory constant;
  auto a = bus.subscribe({.name = "stock"}, &Inventory::on, &warehouse);
  auto b = bus.subscribe_queued({.name = "later"}, &Inventory::on, &warehouse);
  auto c = bus.subscribe(&Inventory::look, &constant);
  auto d = bus.subscribe_queued(&Warehouse::quiet, &warehouse);
  auto e = bus.subscribe_queued([](const Placed&) {});
  auto f = bus.subscribe_queued<Placed, Cancelled>([](const auto&) {});
  EXPECT_EQ(bus.publish(Cancelled{}).handlers(), 1U);
  EXPECT_EQ(bus.publish(Placed{0}).handlers(), 6U);
  EXPECT_TRUE(bus.drain(std::chrono::seconds{10}));
  const auto all = bus.subscriptions();
  ASSERT_EQ(all.size(), 6U);
  EXPECT_EQ(all[0].name, "stock");
  EXPECT_EQ(all[1].name, "later");
  EXPECT_TRUE(all[1].queued && all[3].queued && all[4].queued && all[5].queued);
  EXPECT_EQ(all[4].capacity, tidings::QueueOptions{}.capacity);
  // The class and the event; which function it is, its type does not say.
  EXPECT_NE(all[2].name.find("Inventory::*)(const"), std::string::npos) << all[2].name;
  EXPECT_NE(all[2].name.find("Placed"), std::string::npos) << all[2].name;
}

TEST(Bus, OneFailureHidesNoOther) {
  Bus bus;
  bool last = false;
  auto a = bus.subscribe({.name = "refuser"},
                         [](const Placed&) -> Result<> { return Error{"first", "no", tidings::Retry::same_call}; });
  auto b = bus.subscribe({.name = "thrower"}, [](const Placed&) { throw std::runtime_error("boom"); });
  auto c = bus.subscribe([](const Placed&) { throw 7; });
  auto d = bus.subscribe([&](const Placed&) { last = true; });
  const auto published = bus.publish(Placed{});
  EXPECT_TRUE(last);
  ASSERT_EQ(published.errors().size(), 3U);
  EXPECT_EQ(published.errors()[0].code, "first");
  EXPECT_EQ(published.errors()[0].message, "refuser: no");
  EXPECT_EQ(published.errors()[1].message, "thrower: boom");
  EXPECT_EQ(published.errors()[2].code, "handler_threw");
  const auto all = published.combined();
  EXPECT_EQ(all.error().code, "several_failed");
  EXPECT_NE(all.error().message.find("boom"), std::string::npos);
}

/// Handlers that take the event alone, and middleware, each have a way of their own to the error.
TEST(Bus, ErrorsNameTheSubscriberOnEveryWay) {
  Bus bus;
  auto a = bus.subscribe({.name = "thrower"}, [](const Placed&) { throw std::runtime_error("boom"); });
  for (int i = 0; i < 2; ++i)  // a thread's first publish is not inlined, the second is
    EXPECT_EQ(bus.publish(Placed{}).errors().at(0).message, "thrower: boom");

  std::string seen;
  auto watch = bus.use([&](tidings::HandlerCall& call) -> Result<> {
    auto done = call.next();
    if (!done) seen = done.error().message;
    return done;
  });
  EXPECT_EQ(bus.publish(Placed{}).errors().at(0).message, "thrower: boom");
  EXPECT_EQ(seen, "boom");  // who asks the call for the name need not get it twice
  watch.end();

  auto b =
      bus.subscribe({.name = "teller"}, [&](const Cancelled&, Context& context) { return context.publish(Placed{}); });
  EXPECT_EQ(bus.publish(Cancelled{}).errors().at(0).message, "teller: thrower: boom");
}

TEST(Bus, ACircleOfHandlersIsToldInFewWords) {
  Bus bus;
  auto a =
      bus.subscribe({.name = "ping"}, [](const Placed&, Context& context) { return context.publish(Cancelled{}); });
  auto b =
      bus.subscribe({.name = "pong"}, [](const Cancelled&, Context& context) { return context.publish(Placed{}); });
  const auto published = bus.publish(Placed{});
  ASSERT_EQ(published.errors().size(), 1U);
  EXPECT_EQ(published.errors()[0].code, "too_deep");
  EXPECT_EQ(published.errors()[0].message.find("pong: ping: "), 6U) << published.errors()[0].message;
  EXPECT_LT(published.errors()[0].message.size(), 600U);
}

TEST(Bus, ContextCarriesCorrelationAndCausation) {
  Bus bus;
  std::string first_id, second_correlation, second_causation, third_correlation, third_causation, second_id, type;
  auto a = bus.subscribe([&](const Placed& event, Context& context) -> Result<> {
    first_id = context.envelope().id;
    type = context.envelope().type;
    return context.publish(Cancelled{event.number});
  });
  auto b = bus.subscribe([&](const Cancelled& event, Context& context) -> Result<> {
    if (event.number == 0) {
      third_correlation = context.envelope().correlation_id;
      third_causation = context.envelope().causation_id;
      return {};
    }
    second_id = context.envelope().id;
    second_correlation = context.envelope().correlation_id;
    second_causation = context.envelope().causation_id;
    return context.publish(Cancelled{0});
  });
  EXPECT_TRUE(bus.publish(Placed{1}));
  EXPECT_EQ(type, "shop.placed");
  EXPECT_EQ(second_correlation, first_id);
  EXPECT_EQ(second_causation, first_id);
  EXPECT_EQ(third_correlation, first_id);
  EXPECT_EQ(third_causation, second_id);
}

TEST(Bus, ANestedFailureComesBack) {
  Bus bus;
  auto a = bus.subscribe([](const Placed&, Context& context) { return context.publish(Cancelled{}); });
  auto b = bus.subscribe([](const Cancelled&) -> Result<> { return Error{"inner", "no"}; });
  EXPECT_EQ(bus.publish(Placed{}).errors().at(0).code, "inner");
}

TEST(Bus, HandlersSubscribeAndUnsubscribe) {
  Bus bus;
  int late = 0, once = 0;
  Subscription added;
  auto a = bus.subscribe([&](const Placed&) {
    if (!added.active()) added = bus.subscribe([&](const Placed&) { ++late; });
  });
  auto b = bus.subscribe([&](const Placed&, Context& context) -> Result<> {
    ++once;
    return context.unsubscribe();
  });
  EXPECT_TRUE(bus.publish(Placed{}));
  EXPECT_EQ(late, 0);  // it sees the next one
  EXPECT_TRUE(bus.publish(Placed{}));
  EXPECT_EQ(late, 1);
  EXPECT_EQ(once, 1);
  EXPECT_FALSE(b.active());
}

TEST(Bus, AHandleDestroyedInItsOwnHandlerDoesNotWaitForItself) {
  Bus bus;
  auto alive = std::make_shared<int>(5);
  const std::weak_ptr<int> watch = alive;
  auto handle = std::make_unique<Subscription>();
  int after = 0;
  *handle = bus.subscribe([&, alive = std::move(alive)](const Placed&) {
    handle.reset();
    after = *alive;  // the callable lives until this frame ends
  });
  EXPECT_TRUE(bus.publish(Placed{}));
  EXPECT_EQ(after, 5);
  EXPECT_TRUE(watch.expired());
  EXPECT_EQ(bus.publish(Placed{}).handlers(), 0U);
}

TEST(Bus, AnEndedHandlerIsNotCalledByAPublishThatRuns) {
  Bus bus;
  Subscription second;
  int calls = 0;
  auto first = bus.subscribe([&](const Placed&) { second.end(); });
  second = bus.subscribe([&](const Placed&) { ++calls; });
  EXPECT_EQ(bus.publish(Placed{}).handlers(), 1U);
  EXPECT_EQ(calls, 0);
}

TEST(Bus, EndWaitsForCallsOnOtherThreads) {
  Bus bus;
  std::latch entered(1);
  std::atomic<bool> release = false, left = false;
  auto subscription = bus.subscribe([&](const Placed&) {
    entered.count_down();
    while (!release) std::this_thread::yield();
    left = true;
  });
  std::jthread publisher([&] { EXPECT_TRUE(bus.publish(Placed{})); });
  entered.wait();
  std::jthread releaser([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds{20});  // so that `end` has begun
    release = true;
  });
  subscription.end();
  EXPECT_TRUE(left);
}

TEST(Bus, SubscriptionsMayOutliveTheBus) {
  Subscription subscription;
  {
    Bus bus;
    subscription = bus.subscribe([](const Placed&) {});
  }
  subscription.end();
  EXPECT_FALSE(subscription.active());
}

TEST(Bus, ThreadsPublishSubscribeAndUnsubscribe) {
  Bus bus;
  std::atomic<int> kept_calls = 0;
  auto kept = bus.subscribe([&](const Placed&) { ++kept_calls; });
  constexpr int rounds = 500;
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int t = 0; t < 2; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < rounds; ++i) EXPECT_TRUE(bus.publish(Placed{i}));
      });
    for (int t = 0; t < 2; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < rounds; ++i) {
          // What the handler touches goes right after it: a call that ran on would be seen by the sanitizers.
          auto own = std::make_unique<int>(0);
          std::atomic_ref<int> count(*own);
          auto subscription = bus.subscribe([&](const Placed&) { ++count; });
          EXPECT_TRUE(bus.publish(Placed{i}));
          EXPECT_GE(count.load(), 1);
        }
      });
  }
  EXPECT_EQ(kept_calls, 4 * rounds);
}

}  // namespace
