#include "service/handling.hpp"

#include <sstream>

#include "service/testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

const Backoff quick{.immediate = 2, .delayed = 3, .first = 1ms, .longest = 2ms};
const Error away{"away", "try again", Retry::same_call};

class HandlingTest : public ServiceTest {};

TEST_F(HandlingTest, a_key_that_fails_delays_no_other) {
  ManualClock clock;
  use_clock(clock);
  Record<std::string> handled;
  std::atomic<bool> fails = true;
  make().on("take", {.concurrency = 2, .retry = {.immediate = 0, .delayed = 100, .first = 1h, .longest = 1h}},
            [&](const Order& order) -> Result<> {
              if (order.id == "bad" && fails) return away;
              handled.add(order.id + std::to_string(order.number));
              return {};
            });
  publish(Order{"bad", 1});
  publish(Order{"bad", 2});
  for (std::int64_t number = 0; number < 50; ++number) publish(Order{"good", number});
  const auto running = start();
  ASSERT_TRUE(handled.wait(50));
  EXPECT_TRUE(eventually([&] { return service_->stats("take")->handled == 50; }));
  fails = false;
  clock.advance(1h);
  ASSERT_TRUE(handled.wait(52)) << "the key goes on, in its order";
  ASSERT_TRUE(caught_up("orders", "test.take"));
  const auto all = handled.values();
  EXPECT_LT(std::ranges::find(all, "bad1"), std::ranges::find(all, "bad2"));
  EXPECT_EQ(all.size(), 52U);
}

TEST_F(HandlingTest, a_key_that_waits_holds_no_worker) {
  ManualClock clock;
  use_clock(clock);
  Record<std::int64_t> handled;
  make().on("take", {.concurrency = 1, .retry = {.immediate = 0, .delayed = 1, .first = 1h, .longest = 1h}},
            [&](const Order& order) -> Result<> {
              if (order.number < 20) return away;
              handled.add(order.number);
              return {};
            });
  for (std::int64_t number = 0; number < 30; ++number) publish(Order{"k" + std::to_string(number), number});
  const auto running = start();
  EXPECT_TRUE(handled.wait(10));
  EXPECT_EQ(service_->stats("take")->failed, 20U);
}

TEST_F(HandlingTest, different_keys_run_at_once) {
  std::mutex mutex;
  std::condition_variable all_here;
  int inside = 0;
  make().on("take", {.concurrency = 3}, [&](const Order&) {
    std::unique_lock lock(mutex);
    ++inside;
    all_here.notify_all();
    EXPECT_TRUE(all_here.wait_for(lock, 30s, [&] { return inside == 3; }));
  });
  for (const auto* key : {"a", "b", "c"}) publish(Order{key, 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
}

TEST_F(HandlingTest, events_without_order_run_at_once) {
  std::mutex mutex;
  std::condition_variable all_here;
  int inside = 0;
  make().on("take", {.concurrency = 3}, [&](const Tick&) {
    std::unique_lock lock(mutex);
    ++inside;
    all_here.notify_all();
    EXPECT_TRUE(all_here.wait_for(lock, 30s, [&] { return inside == 3; }));
  });
  for (std::int64_t number = 0; number < 3; ++number) publish(Tick{number});
  const auto running = start();
  ASSERT_TRUE(caught_up("ticks", "test.take"));
}

TEST_F(HandlingTest, delayed_attempts_wait_within_the_backoff) {
  ManualClock clock;
  use_clock(clock);
  Record<SteadyTime> attempts;
  make().on("take", {.retry = {.immediate = 1, .delayed = 4, .first = 8s, .longest = 20s}},
            [&](const Order&) -> Result<> {
              attempts.add(clock.steady_now());
              return away;
            });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(eventually([&] {
    clock.advance(100ms);
    return service_->stats("take")->parked == 1;
  }));
  // What was decided is what the log says. When an attempt came late, the machine was slow, but none may come early.
  std::vector<Duration> pauses;
  std::istringstream lines(lines_.all());
  for (std::string line; std::getline(lines, line);)
    if (const auto at = line.find("trying again in "); at != std::string::npos)
      pauses.push_back(parse_duration(line.substr(at + 16)).or_throw());
  ASSERT_EQ(pauses.size(), 5U);
  const auto times = attempts.values();
  ASSERT_EQ(times.size(), 6U);
  const Duration limits[]{0s, 8s, 16s, 20s, 20s};
  for (std::size_t at = 0; at < pauses.size(); ++at) {
    EXPECT_LE(pauses[at], limits[at]) << at;
    EXPECT_GE(times[at + 1] - times[at], pauses[at]) << at;
  }
}

TEST_F(HandlingTest, a_throw_is_a_failure) {
  Record<std::string> dead;
  auto& service = make();
  service.on("standard", {.retry = quick}, [](const Order&) { throw std::runtime_error("out of paper"); })
      .on("other", {.retry = quick}, [](const Order&) { throw 42; })
      .on("error", {.retry = quick}, [](const Order&) { Result<>(away).or_throw(); });
  publish(Order{"a", 1});
  const auto running = start();
  for (const auto* handler : {"standard", "other", "error"}) {
    ASSERT_TRUE(caught_up("orders", "test." + std::string(handler)));
    EXPECT_EQ(service.stats(handler)->failed, 6U) << "as many attempts as after an error";
  }
  EXPECT_EQ(read("test.standard.dead-letters").at(0).headers.get(dead_letter::reason), "out of paper");
  EXPECT_EQ(read("test.standard.dead-letters").at(0).headers.get(dead_letter::code), "handler_threw");
  EXPECT_EQ(read("test.other.dead-letters").at(0).headers.get(dead_letter::reason),
            "something that is no std::exception");
  EXPECT_EQ(read("test.error.dead-letters").at(0).headers.get(dead_letter::code), "away");
}

TEST_F(HandlingTest, an_error_that_says_never_parks_at_once) {
  auto& service = make();
  service.on("take", {}, [](const Order&) -> Result<> { return Error{"refused", "it is no order of ours"}; });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(service.stats("take")->failed, 1U);
  EXPECT_EQ(read("test.take.dead-letters").at(0).headers.get(dead_letter::attempts), "1");
  EXPECT_EQ(lines_.count("parked event"), 1U);
}

TEST_F(HandlingTest, what_cannot_be_decoded_is_parked_at_once_and_in_its_turn) {
  Record<std::int64_t> seen;
  auto& service = make();
  service.on("take", {}, [&](const Order& order) { seen.add(order.number); });
  auto envelope = make_envelope(Order{"a", 1}, {.source = "elsewhere"}).or_throw();
  envelope.payload = R"({"id":"a","number":"one, secretly"})";
  publish_raw("orders", envelope);
  envelope.id += "2";
  envelope.payload = "\xff{[";
  publish_raw("orders", envelope);
  envelope.id += "3";
  envelope.version = 9;
  publish_raw("orders", envelope);
  publish(Order{"a", 4});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(seen.values(), std::vector<std::int64_t>{4});
  const auto dead = read("test.take.dead-letters");
  ASSERT_EQ(dead.size(), 3U);
  EXPECT_NE(dead[0].headers.get(dead_letter::reason)->find("number"), std::string::npos)
      << *dead[0].headers.get(dead_letter::reason);
  EXPECT_EQ(dead[0].payload, R"({"id":"a","number":"one, secretly"})");
  EXPECT_EQ(dead[1].payload, "\xff{[");
  EXPECT_EQ(dead[2].headers.get(dead_letter::code), "unknown_version");
  EXPECT_EQ(dead[2].version, 9U);
  EXPECT_EQ(service.stats("take")->failed, 0U);
  EXPECT_EQ(service.stats("take")->parked, 3U);
  EXPECT_EQ(lines_.count("secretly"), 0U) << "payloads are not logged";
}

TEST_F(HandlingTest, a_long_reason_is_cut) {
  make().on("take", {}, [](const Order&) -> Result<> {
    std::string reason(1023, 'x');
    for (int more = 0; more < 1000; ++more) reason += "é";
    return Error{"long", reason};
  });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(read("test.take.dead-letters").at(0).headers.get(dead_letter::reason), std::string(1023, 'x') + "…");
}

TEST_F(HandlingTest, publications_leave_once_the_handler_has_succeeded_and_carry_its_cause) {
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

TEST_F(HandlingTest, a_handler_that_gives_up_publishes_nothing) {
  make().on("take", {.retry = quick}, [](const Order& order, Context& context) -> Result<> {
    if (auto published = context.publish(Confirmed{order.id, {}}); !published) return published;
    throw std::runtime_error("late");
  });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_TRUE(read("mails").empty());
}

TEST_F(HandlingTest, a_publication_over_the_limit_is_refused_in_the_handler) {
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
  EXPECT_EQ(read("test.take.dead-letters").at(0).headers.get(dead_letter::code), "too_large");
}

TEST_F(HandlingTest, groups_are_independent) {
  std::mutex mutex;
  std::condition_variable released;
  bool release = false;
  Record<std::int64_t> quick_ones;
  make()
      .on("slow", {.concurrency = 1},
          [&](const Order&) {
            std::unique_lock lock(mutex);
            EXPECT_TRUE(released.wait_for(lock, 60s, [&] { return release; }));
          })
      .on("quick", {}, [&](const Order& order) { quick_ones.add(order.number); })
      .on("failing", {}, [&](const Order&) -> Result<> { return Error{"no", "never"}; });
  for (std::int64_t number = 0; number < 2000; ++number) publish(Order{"a", number});
  const auto running = start();
  EXPECT_TRUE(quick_ones.wait(2000));
  EXPECT_TRUE(caught_up("orders", "test.quick"));
  EXPECT_TRUE(caught_up("orders", "test.failing"));
  EXPECT_EQ(group("orders", "test.slow").position.value, 0U);
  const std::scoped_lock lock(mutex);
  release = true;
  released.notify_all();
}

TEST_F(HandlingTest, one_bad_item_of_a_batch_is_isolated) {
  std::mutex mutex;
  std::vector<std::vector<std::int64_t>> batches;
  auto& service = make();
  service.on("take", {.retry = {.immediate = 2, .delayed = 1, .first = 1ms, .longest = 1ms}, .batch_max = 100},
             [&](const Batch<Order>& batch) -> Result<> {
               const std::scoped_lock lock(mutex);
               auto& numbers = batches.emplace_back();
               for (const auto& [order, context] : batch) {
                 EXPECT_EQ(context.place().offset.value, static_cast<std::uint64_t>(order.number));
                 numbers.push_back(order.number);
               }
               for (const auto number : numbers)
                 if (number == 3) return away;
               for (const auto& [order, context] : batch)
                 if (auto published = context.publish(Confirmed{order.id, {}}); !published) return published;
               return {};
             });
  for (std::int64_t number = 0; number < 6; ++number) publish(Order{"k" + std::to_string(number), number});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  stop();
  const std::vector<std::vector<std::int64_t>> expected{{0, 1, 2, 3, 4, 5}, {0}, {1}, {2}, {3}, {3}, {3}, {4}, {5}};
  EXPECT_EQ(batches, expected);
  const auto dead = read("test.take.dead-letters");
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].key, "k3");
  EXPECT_EQ(dead[0].headers.get(dead_letter::attempts), "4");
  EXPECT_EQ(read("mails").size(), 5U);
  EXPECT_EQ(service.stats("take")->handled, 5U);
}

TEST_F(HandlingTest, what_cannot_be_decoded_leaves_its_batch) {
  Record<std::size_t> sizes;
  make().on("take", {}, [&](Batch<Order>& batch) -> Result<> {
    sizes.add(batch.size());
    for (const auto& item : batch)
      if (auto published = item.context.publish(Confirmed{item.event.id, {}}); !published) return published;
    return {};
  });
  publish(Order{"a", 1});
  auto envelope = make_envelope(Order{"b", 2}, {.source = "elsewhere"}).or_throw();
  envelope.payload = "[";
  publish_raw("orders", envelope);
  publish(Order{"c", 3});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(sizes.values(), std::vector<std::size_t>{2});
  EXPECT_EQ(read("test.take.dead-letters").at(0).key, "b");
  EXPECT_EQ(read("mails").size(), 2U);
}

TEST_F(HandlingTest, what_is_in_hand_is_not_given_again) {
  ManualClock clock;
  use_clock(clock);
  std::mutex mutex;
  std::condition_variable changed;
  int inside = 0;
  bool release = false;
  make().on("take", {.concurrency = 4, .settle_within = 1s}, [&](const Order&) {
    std::unique_lock lock(mutex);
    ++inside;
    changed.notify_all();
    EXPECT_TRUE(changed.wait_for(lock, 60s, [&] { return release; }));
  });
  publish(Order{"a", 1});
  publish(Order{"a", 2});
  const auto running = start();
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, 30s, [&] { return inside == 1; }));
  lock.unlock();
  for (int time = 0; time < 5; ++time) {
    clock.advance(10s);  // the broker takes us for dead, and gives the events again
    std::this_thread::sleep_for(10ms);
  }
  lock.lock();
  release = true;
  changed.notify_all();
  lock.unlock();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(inside, 2) << "each once";
}

TEST_F(HandlingTest, in_flight_is_bounded) {
  auto& service = make();
  service.on("take", {.concurrency = 2, .in_flight_max = 10}, [&](const Order&) {});
  for (std::int64_t number = 0; number < 1000; ++number) publish(Order{"k" + std::to_string(number), number});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_TRUE(eventually([&] { return service.stats("take")->handled == 1000; }));
  EXPECT_LE(broker_->held_most(), 10U);
}

TEST_F(HandlingTest, what_runs_long_is_extended) {
  std::atomic<int> calls = 0;
  make().on("take", {.concurrency = 1, .settle_within = 300ms}, [&](const Order&) {
    if (calls++ > 0) return;
    const auto extended = broker_->extended();
    EXPECT_TRUE(eventually([&] { return broker_->extended() > extended + 20; }));
  });
  publish(Order{"a", 1});
  publish(Order{"b", 2});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(calls, 2) << "each once, after ten times its deadline";
}

TEST_F(HandlingTest, publications_that_could_not_leave_do_not_repeat_the_handler) {
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
  EXPECT_EQ(lines_.count("could not publish what it published: outcome_unknown"), 20U);
}

TEST_F(HandlingTest, publications_that_are_refused_park_the_event) {
  make().on("take", {.retry = quick},
            [&](const Order& order, Context& context) { return context.publish(Confirmed{order.id, {}}); });
  broker_->fail_publish("mails", 1, {"unknown_topic", "there is no topic mails"});
  publish(Order{"a", 1});
  publish(Order{"a", 2});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(read("test.take.dead-letters").at(0).headers.get(dead_letter::reason),
            "its publications were refused: there is no topic mails");
  EXPECT_EQ(read("mails").size(), 1U) << "those of the second";
}

TEST_F(HandlingTest, trouble_of_the_topic_published_into_parks_nothing) {
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
      EXPECT_EQ(lines_.count("could not publish what it published: " + std::string(code)), 5U);
      lines_.clear();
    }
  }
}

TEST_F(HandlingTest, publications_of_a_batch_wait_together) {
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

TEST_F(HandlingTest, an_event_that_cannot_be_parked_waits_and_is_not_lost) {
  Record<std::int64_t> handled;
  make().on("take", {.retry = quick}, [&](const Order& order) -> Result<> {
    if (order.number == 1) return Error{"no", "never"};
    handled.add(order.number);
    return {};
  });
  broker_->fail_publish("test.take.dead-letters", 10, {"disk_full", "no space", Retry::same_call});
  publish(Order{"a", 1});
  publish(Order{"a", 2});
  publish(Order{"b", 3});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(read("test.take.dead-letters").size(), 1U);
  EXPECT_EQ(handled.values(), (std::vector<std::int64_t>{3, 2}));
}

TEST_F(HandlingTest, a_settle_that_fails_is_tried_again) {
  Record<std::int64_t> handled;
  make().on("take", {}, [&](const Order& order) { handled.add(order.number); });
  broker_->fail_settle(1, {"disk_full", "no space", Retry::same_call});
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(handled.size(), 1U);
}

/// The first consumer wants to be opened again, which is refused at first.
class Refusing final : public Wrapped {
 public:
  using Wrapped::Wrapped;
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) override {
    const auto number = ++subscriptions_;
    if (number == 2) return Error{"permission_denied", "run as the owner of the directory"};
    auto consumer = Wrapped::subscribe(topic, options);
    if (!consumer || number > 2) return consumer;
    return std::make_unique<Gone>(std::move(*consumer));
  }

 private:
  class Gone final : public WrappedConsumer {
   public:
    using WrappedConsumer::WrappedConsumer;
    Result<std::vector<Delivery>> fetch(std::size_t, Duration) override {
      return Error{"closed", "the connection is gone", Retry::reopen};
    }
  };
  std::atomic<int> subscriptions_ = 0;
};

TEST_F(HandlingTest, says_why_it_cannot_join_again_and_goes_on_trying) {
  Refusing broker(open_broker("memory:", {.log = &lines_}).or_throw());
  auto service = Service::create({.name = "test", .broker = &broker, .log = &lines_}).or_throw();
  Record<std::int64_t> handled;
  service.on("take", {}, [&](const Order& order) { handled.add(order.number); });
  const auto envelope = make_envelope(Order{"a", 7}, {.source = "till"}).or_throw();
  const std::array views{envelope.view()};
  broker.publish("orders", views).or_throw();
  {
    const std::jthread runner([&] { EXPECT_EQ(service.run(), 0); });
    EXPECT_TRUE(handled.wait(1));
    service.stop();
  }
  EXPECT_EQ(lines_.count("test: take could not join its group on orders again: permission_denied: run as the owner"),
            1U)
      << lines_.all();
  EXPECT_EQ(lines_.count("gets events of orders again"), 1U);
}

TEST_F(HandlingTest, an_idle_service_asks_rarely) {
  make().on("take", {}, [](const Order&) {});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return broker_->fetches() > 0; }));
  const auto before = broker_->fetches();
  const auto began = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(500ms);
  const auto passed = std::chrono::steady_clock::now() - began;  // it may have been much more
  EXPECT_LE(broker_->fetches() - before, 2 + static_cast<std::size_t>(passed / 200ms));
}

}  // namespace
}  // namespace tidings::service
