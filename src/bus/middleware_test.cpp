#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "tidings/bus/bus.hpp"

namespace wrapped {

struct Placed {
  int number = 0;
};
struct Seen {
  int number = 0;
};

}  // namespace wrapped

namespace {

using namespace std::chrono_literals;
using tidings::AnyEvent;
using tidings::Bus;
using tidings::Context;
using tidings::Error;
using tidings::HandlerCall;
using tidings::Result;
using tidings::Subscription;
using wrapped::Placed;
using wrapped::Seen;

TEST(Middleware, StandsAroundEveryHandlerOutermostFirst) {
  Bus bus;
  std::string calls;
  auto outer = bus.use([&](HandlerCall& call) -> Result<> {
    calls += "(" + std::string(call.handler());
    auto done = call.next();
    calls += ")";
    return done;
  });
  auto inner = bus.use([&](HandlerCall& call) -> Result<> {
    calls += "[" + std::to_string(call.event().get<Placed>()->number);
    auto done = call.next();
    calls += "]";
    return done;
  });
  auto a = bus.subscribe({.name = "a"}, [&](const Placed&) { calls += "!"; });
  auto b = bus.subscribe({.name = "b"}, [&](const Placed&, Context&) { calls += "?"; });
  EXPECT_EQ(bus.publish(Placed{7}).handlers(), 2U);
  EXPECT_EQ(calls, "(a[7!])(b[7?])");
}

TEST(Middleware, SeesFailuresAsValuesAndMayMendThem) {
  Bus bus;
  std::string seen;
  auto watch = bus.use([&](HandlerCall& call) -> Result<> {
    auto done = call.next();
    if (!done) seen += done.error().code + ";";
    return done;
  });
  auto a = bus.subscribe([](const Placed&) -> Result<> { return Error{"no", "no"}; });
  auto b = bus.subscribe([](const Placed&) { throw std::runtime_error("boom"); });
  EXPECT_EQ(bus.publish(Placed{}).errors().size(), 2U);
  EXPECT_EQ(seen, "no;handler_threw;");
  auto mend = bus.use([&](HandlerCall& call) -> Result<> {
    (void)call.next();
    return {};
  });
  EXPECT_TRUE(bus.publish(Placed{}));
}

TEST(Middleware, MayRetryOrHoldBack) {
  Bus bus;
  int calls = 0;
  auto retry = bus.use([&](HandlerCall& call) -> Result<> {
    for (int i = 0; i < 2; ++i)
      if (call.next()) return {};
    return call.next();
  });
  auto a = bus.subscribe([&](const Placed&) -> Result<> {
    if (++calls < 3) return Error{"no", "not yet"};
    return {};
  });
  EXPECT_TRUE(bus.publish(Placed{}));
  EXPECT_EQ(calls, 3);
  auto guard = bus.use([](HandlerCall&) -> Result<> { return Error{"forbidden", "nobody is called"}; });
  const auto held = bus.publish(Placed{});
  EXPECT_EQ(held.errors().at(0).code, "forbidden");
  EXPECT_EQ(held.handlers(), 0U);
  EXPECT_EQ(calls, 3);
}

TEST(Middleware, ThatThrowsFailsTheCall) {
  Bus bus;
  auto wrong = bus.use([](HandlerCall&) -> Result<> { throw std::runtime_error("middle"); });
  auto a = bus.subscribe({.name = "handler"}, [&](const Placed&) {});
  EXPECT_EQ(bus.publish(Placed{}).errors().at(0).message, "handler: middle");
}

TEST(Middleware, EndsLikeASubscriptionAlsoInItsOwnFrame) {
  Bus bus;
  int around = 0, handled = 0;
  auto handle = std::make_unique<Subscription>();
  auto alive = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = alive;
  *handle = bus.use([&, alive](HandlerCall& call) -> Result<> {
    handle.reset();
    around += *alive;
    return call.next();
  });
  alive.reset();
  auto a = bus.subscribe([&](const Placed&) { ++handled; });
  EXPECT_TRUE(bus.publish(Placed{}));
  EXPECT_TRUE(watch.expired());
  EXPECT_TRUE(bus.publish(Placed{}));
  EXPECT_EQ(around, 1);
  EXPECT_EQ(handled, 2);
}

TEST(Middleware, RunsWithQueuedHandlersOnTheirThread) {
  Bus bus;
  std::thread::id around, handler;
  auto m = bus.use([&](HandlerCall& call) -> Result<> {
    around = std::this_thread::get_id();
    return call.next();
  });
  auto q = bus.subscribe_queued({}, [&](const Placed&) { handler = std::this_thread::get_id(); });
  EXPECT_TRUE(bus.publish(Placed{}));
  ASSERT_TRUE(bus.drain(30s));
  EXPECT_EQ(around, handler);
  EXPECT_NE(around, std::this_thread::get_id());
}

TEST(Middleware, PublishesWithTheEventAsCause) {
  Bus bus;
  std::string cause, id;
  auto m = bus.use([&](HandlerCall& call) -> Result<> {
    if (const auto* placed = call.event().get<Placed>()) {
      id = call.context().envelope().id;
      if (auto told = call.context().publish(Seen{placed->number}); !told) return told;
    }
    return call.next();
  });
  auto a = bus.subscribe([](const Placed&) {});
  auto b = bus.subscribe([&](const Seen&, Context& context) { cause = context.envelope().causation_id; });
  EXPECT_TRUE(bus.publish(Placed{1}));
  EXPECT_EQ(cause, id);
  EXPECT_FALSE(id.empty());
}

TEST(Bus, ListsWhatIsSubscribed) {
  Bus bus;
  auto a = bus.subscribe({.name = "a"}, [](const Placed&) {});
  auto q = bus.subscribe_queued({.name = "q", .capacity = 8}, [](const AnyEvent&) {});
  auto m = bus.use([](HandlerCall& call) { return call.next(); }, "m");
  auto b = bus.subscribe<Placed, Seen>([](const auto&) {});
  auto list = bus.subscriptions();
  ASSERT_EQ(list.size(), 4U);
  EXPECT_EQ(list[0].name, "m");
  EXPECT_TRUE(list[0].middleware);
  EXPECT_EQ(list[1].name, "a");
  EXPECT_EQ(list[1].events.size(), 1U);
  EXPECT_TRUE(list[2].queued);
  EXPECT_EQ(list[2].capacity, 8U);
  EXPECT_TRUE(list[2].events.empty());
  EXPECT_EQ(list[3].events.size(), 2U);
  EXPECT_NE(list[3].name.find("lambda"), std::string::npos);
  a.end();
  EXPECT_EQ(bus.subscriptions().size(), 3U);
}

}  // namespace
