#include "service/handling.hpp"
#include "service/testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

const Backoff quick{.immediate = 2, .delayed = 3, .first = 1ms, .longest = 2ms};
const Error away{"away", "try again", Retry::same_call};

class HandlingPublicationsTest : public ServiceTest {};

TEST_F(HandlingPublicationsTest, publications_leave_once_the_handler_has_succeeded_and_carry_its_cause) {
  make().on("take", {.retry = quick}, [](const Order& order, Context& context) -> Result<> {
    if (auto published = context.publish(Confirmed{order.id + "1", {}}); !published) return published;
    if (context.attempt() < 3) return away;
    return context.publish(Confirmed{order.id + "2", {}});
  });
  const auto cause = make_envelope(Order{"a", 1}, {.source = "elsewhere"}).or_throw();
  publish_raw("orders", cause);
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  const auto sent = read("mails");
  ASSERT_EQ(sent.size(), 2U) << "nothing of the failed attempts";
  EXPECT_EQ(sent[0].key, "a1");
  EXPECT_EQ(sent[1].key, "a2");
  for (const auto& event : sent) {
    EXPECT_EQ(event.source, "test");
    EXPECT_EQ(event.correlation_id, cause.correlation_id);
    EXPECT_EQ(event.causation_id, cause.id);
    EXPECT_EQ(event.trace_parent.substr(0, 36), cause.trace_parent.substr(0, 36)) << "the same trace";
    EXPECT_NE(event.trace_parent, cause.trace_parent) << "another span";
  }
}

TEST_F(HandlingPublicationsTest, a_handler_that_gives_up_publishes_nothing) {
  make().on("take", {.retry = quick}, [](const Order& order, Context& context) -> Result<> {
    if (auto published = context.publish(Confirmed{order.id, {}}); !published) return published;
    throw std::runtime_error("late");
  });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_TRUE(read("mails").empty());
}

TEST_F(HandlingPublicationsTest, a_publication_over_the_limit_is_refused_in_the_handler) {
  Record<std::string> codes;
  make().on("take", {}, [&](const Order&, Context& context) -> Result<> {
    const auto published = context.publish(Confirmed{"a", std::string(std::size_t{2} << 20, 'x')});
    codes.add(published ? "fine" : published.error().code);
    return published;
  });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(codes.values(), std::vector<std::string>{"too_large"});
  EXPECT_EQ(letters("test.take.dead-letters").at(0).headers.get(dead_letter::code), "too_large");
}

TEST_F(HandlingPublicationsTest, publications_that_could_not_leave_do_not_repeat_the_handler) {
  std::atomic<int> calls = 0;
  make().on("take", {.retry = quick}, [&](const Order& order, Context& context) {
    ++calls;
    return context.publish(Confirmed{order.id, {}});
  });
  broker_->fail_publish("mails", 20, {"outcome_unknown", "the line is cut", Retry::same_call});
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(read("mails").size(), 1U);
  EXPECT_EQ(lines_.count("could not publish what it published: outcome_unknown"), 1U);
}

/// A full disk: each key waits for itself, and the log lines of all would fill what is left.
TEST_F(HandlingPublicationsTest, publications_that_cannot_leave_are_told_once_and_then_counted) {
  ManualClock clock;
  use_clock(clock);
  make().on("take", {.retry = quick},
            [&](const Order& order, Context& context) { return context.publish(Confirmed{order.id, {}}); });
  constexpr int keys = 100;
  broker_->fail_publish("mails", keys + 1, {"disk_full", "free space, publishing resumes", Retry::same_call});
  for (std::int64_t number = 0; number < keys; ++number) publish(Order{"k" + std::to_string(number), number});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return broker_->publishes_to_fail() == 1; })) << "each key once, while time stands";
  EXPECT_EQ(lines_.count("could not publish what it published: disk_full"), 1U) << lines_.all();
  clock.advance(10s);
  const auto go_on = [&](auto condition) {
    return eventually([&] {
      clock.advance(10ms);
      return condition();
    });
  };
  EXPECT_TRUE(go_on([&] { return group("orders", "test.take").lag() == 0; }));
  EXPECT_EQ(lines_.count("could not publish what it published: disk_full"), 2U) << lines_.all();
  EXPECT_EQ(lines_.count("; 100 times since this was told last"), 1U) << "all but the first";
}

TEST_F(HandlingPublicationsTest, publications_that_are_refused_park_the_event) {
  make().on("take", {.retry = quick},
            [&](const Order& order, Context& context) { return context.publish(Confirmed{order.id, {}}); });
  broker_->fail_publish("mails", 1, {"unknown_topic", "there is no topic mails"});
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  publish(Order{"b", 2});
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(letters("test.take.dead-letters").at(0).headers.get(dead_letter::reason),
            "its publications were refused: there is no topic mails");
  EXPECT_EQ(read("mails").size(), 1U) << "those of the second";
}

TEST_F(HandlingPublicationsTest, trouble_of_the_topic_published_into_parks_nothing) {
  for (const auto* const code : {"corrupt", "permission_denied", "not_found", "newer_version"}) {
    for (const std::size_t batch : {1U, 3U}) {
      const auto name = std::string(code).substr(0, 3) + std::to_string(batch);
      auto& service = make();
      if (batch == 1)
        service.on(name, {.retry = quick},
                   [&](const Order& order, Context& context) { return context.publish(Confirmed{order.id, {}}); });
      else
        service.on(name, {.retry = quick, .batch_max = batch}, [&](const Batch<Order>& orders) -> Result<> {
          for (const auto& [order, context] : orders)
            if (auto published = context.publish(Confirmed{order.id, {}}); !published) return published;
          return {};
        });
      broker_->fail_publish("mails", 5, {code, "somebody has to look", Retry::never});
      for (const auto* const key : {"a", "b", "c"}) publish(Order{key, 1});
      const auto running = start();
      ASSERT_TRUE(caught_up("orders", "test." + name)) << code;
      EXPECT_EQ(service.stats(name)->parked, 0U) << code;
      EXPECT_EQ(lines_.count("could not publish what it published: " + std::string(code)), 1U);
      lines_.clear();
    }
  }
}

TEST_F(HandlingPublicationsTest, publications_of_a_batch_wait_together) {
  Record<std::size_t> sizes;
  make().on("take", {.retry = quick, .batch_max = 3}, [&](const Batch<Order>& batch) -> Result<> {
    sizes.add(batch.size());
    for (const auto& [order, context] : batch)
      if (auto published = context.publish(Confirmed{order.id, {}}); !published) return published;
    return {};
  });
  broker_->fail_publish("mails", 3, {"busy", "later", Retry::same_call});
  for (std::int64_t number = 0; number < 6; ++number) publish(Order{std::to_string(number), number});
  {
    const auto running = start();
    ASSERT_TRUE(caught_up("orders", "test.take"));
  }
  EXPECT_EQ(sizes.values(), (std::vector<std::size_t>{3, 3}));
  std::string order;
  for (const auto& mail : read("mails")) order += mail.key;
  EXPECT_EQ(order, "012345");
}

}  // namespace
}  // namespace tidings::service
