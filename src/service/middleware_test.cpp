#include <stdexcept>

#include "service/testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

constexpr Backoff twice{.immediate = 1, .delayed = 0};

class MiddlewareTest : public ServiceTest {
 protected:
  Record<std::string> steps_;
};

TEST_F(MiddlewareTest, WhatCameFirstIsOutermost) {
  auto& service = make();
  for (const std::string name : {"outer", "inner"})
    service.use(name, [this, name](DeliveryCall& call) -> Result<> {
      steps_.add(name + " before " + std::string(call.handler()) + " of " + std::string(call.context().envelope().key));
      auto done = call.next();
      steps_.add(name + (done ? " after" : " after failure"));
      return done;
    });
  service.on("confirm", {}, [this](const Order&) { steps_.add("handler"); });
  const auto running = start();
  publish(Order{"a", 1});
  ASSERT_TRUE(steps_.wait(5));
  ASSERT_TRUE(caught_up("orders", "test.confirm"));
  const auto steps = steps_.values();
  ASSERT_EQ(steps.size(), 5U);
  EXPECT_EQ(steps[0], "outer before confirm of a");
  EXPECT_EQ(steps[1], "inner before confirm of a");
  EXPECT_EQ(steps[2], "handler");
  EXPECT_EQ(steps[3], "inner after");
  EXPECT_EQ(steps[4], "outer after");
}

TEST_F(MiddlewareTest, ItsErrorAndWhatItThrowsFailTheAttempt) {
  auto& service = make();
  service.use("guard", [](DeliveryCall& call) -> Result<> {
    const auto& key = call.context().envelope().key;
    if (key == "refused") return Error{"not_allowed", "nobody may"};
    if (key == "thrown" && call.context().attempt() == 1) throw std::runtime_error("fell over");
    return call.next();
  });
  service.on("confirm", {.retry = twice}, [this](const Order& order) { steps_.add(order.id); });
  const auto running = start();
  publish(Order{"refused", 1});
  publish(Order{"thrown", 1});
  publish(Order{"fine", 1});
  ASSERT_TRUE(steps_.wait(2));
  ASSERT_TRUE(caught_up("orders", "test.confirm"));
  const auto dead = letters("test.confirm.dead-letters");
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].headers.get(dead_letter::code), "not_allowed");
  EXPECT_EQ(steps_.size(), 2U);
}

TEST_F(MiddlewareTest, AnotherNextIsARetryAndWhatAFailedOnePublishedIsGone) {
  auto& service = make();
  service.use("again", [](DeliveryCall& call) -> Result<> {
    (void)call.context().publish(Confirmed{"m", "from the middleware"});
    if (auto first = call.next(); first) return first;
    return call.next();
  });
  std::atomic<int> calls = 0;
  service.on("confirm", {}, [&](const Order& order, Context& context) -> Result<> {
    const auto call = ++calls;
    if (auto sent = context.publish(Confirmed{order.id, "attempt " + std::to_string(call)}); !sent) return sent;
    if (auto sent = context.publish(Tick{call}); !sent) return sent;
    return call == 1 ? Result<>(Error{"away", "not yet", Retry::same_call}) : Result<>{};
  });
  const auto running = start();
  publish(Order{"a", 1});
  ASSERT_TRUE(caught_up("orders", "test.confirm"));
  const auto mails = read("mails");
  ASSERT_EQ(mails.size(), 2U);
  EXPECT_NE(mails[0].payload.find("from the middleware"), std::string::npos);
  EXPECT_NE(mails[1].payload.find("attempt 2"), std::string::npos);
  EXPECT_EQ(read("ticks").size(), 1U);
  EXPECT_EQ(service.stats("confirm").or_throw().failed, 0U);
}

TEST_F(MiddlewareTest, WithoutNextTheHandlerIsNotCalledAndTheEventIsDone) {
  auto& service = make();
  service.use("drop", [](DeliveryCall&) -> Result<> { return {}; });
  service.on("confirm", {}, [this](const Order&) { steps_.add("handler"); });
  const auto running = start();
  publish(Order{"a", 1});
  ASSERT_TRUE(caught_up("orders", "test.confirm"));
  EXPECT_EQ(steps_.size(), 0U);
  EXPECT_EQ(service.stats("confirm").or_throw().handled, 1U);
}

TEST_F(MiddlewareTest, ItSeesWhatCannotBeDecodedWhichIsParkedAllTheSame) {
  auto& service = make();
  service.use("look", [this](DeliveryCall& call) -> Result<> {
    const auto done = call.next();
    steps_.add(done ? "fine" : done.error().code);
    return {};
  });
  service.on("confirm", {}, [](const Order&) {});
  const auto running = start();
  auto envelope = make_envelope(Order{"a", 1}, {.source = "elsewhere"}).or_throw();
  envelope.payload = R"({"id":7})";
  publish_raw("orders", envelope);
  ASSERT_TRUE(caught_up("orders", "test.confirm"));
  EXPECT_EQ(steps_.values(), std::vector<std::string>{"wrong_type"});
  EXPECT_EQ(letters("test.confirm.dead-letters").size(), 1U);
}

TEST_F(MiddlewareTest, ABatchIsOneCall) {
  for (int order = 0; order < 10; ++order) publish(Order{"a" + std::to_string(order), order});
  auto& service = make();
  std::atomic<std::size_t> events = 0;
  service.use("count", [&](DeliveryCall& call) -> Result<> {
    EXPECT_EQ(call.context(call.size() - 1).envelope().key.substr(0, 1), "a");
    auto done = call.next();
    if (done) events += call.size();
    return done;
  });
  service.on("archive", {.batch_max = 100}, [](const Batch<Order>&) {});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.archive"));
  EXPECT_EQ(events, 10U);
}

}  // namespace
}  // namespace tidings::service
