#include "service/handling.hpp"
#include "service/testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

const Backoff quick{.immediate = 2, .delayed = 3, .first = 1ms, .longest = 2ms};

class HandlingBrokerTest : public ServiceTest {};

TEST_F(HandlingBrokerTest, what_is_in_hand_is_not_given_again) {
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

TEST_F(HandlingBrokerTest, in_flight_is_bounded) {
  auto& service = make();
  service.on("take", {.concurrency = 2, .in_flight_max = 10}, [&](const Order&) {});
  for (std::int64_t number = 0; number < 1000; ++number) publish(Order{"k" + std::to_string(number), number});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_TRUE(eventually([&] { return service.stats("take")->handled == 1000; }));
  EXPECT_LE(broker_->held_most(), 10U);
}

TEST_F(HandlingBrokerTest, what_runs_long_is_extended) {
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

TEST_F(HandlingBrokerTest, an_event_that_cannot_be_parked_waits_and_is_not_lost) {
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
  EXPECT_EQ(letters("test.take.dead-letters").size(), 2U) << "with the one behind it";
  EXPECT_EQ(handled.values(), std::vector<std::int64_t>{3});
}

TEST_F(HandlingBrokerTest, a_settle_that_fails_is_tried_again) {
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

TEST_F(HandlingBrokerTest, says_why_it_cannot_join_again_and_goes_on_trying) {
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

TEST_F(HandlingBrokerTest, an_idle_service_asks_rarely) {
  make().on("take", {}, [](const Order&) {});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return broker_->fetches() > 0; }));
  const auto before = broker_->fetches();
  const auto began = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(500ms);
  const auto passed = std::chrono::steady_clock::now() - began;  // it may have been much more
  EXPECT_LE(broker_->fetches() - before, 2 + static_cast<std::size_t>(passed / 200ms));
}

/// As after a SIGSTOP beyond the lease: others have the partition, and what is in hand must not go on beside them.
TEST_F(HandlingBrokerTest, WhoHearsThatItsPartitionIsOthersBeginsNothingMoreOfIt) {
  auto& service = make();
  std::atomic<int> handled = 0;
  std::atomic<bool> lost = false;
  std::atomic<bool> go = false;
  const auto wait = [](const std::atomic<bool>& until) {
    while (!until) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  };
  service.on("count", {.concurrency = 2}, [&](const Order& order) {
    if (order.id == "other") return wait(lost);
    if (++handled == 200) wait(go);
  });
  publish(Order{"other", 0});
  for (int order = 0; order < 900; ++order) publish(Order{"one", order});
  const auto running = start();
  EXPECT_TRUE(eventually([&] { return handled == 200; }));
  broker_->hold_back("orders");
  broker_->disown();
  broker_->fail_settle(1'000, {"not_owner", "others have it", Retry::never});
  // The other key's event is settled while this one's runs, and so it hears of it.
  lost = true;
  EXPECT_TRUE(eventually([&] { return lines_.count("could not settle") > 0; })) << lines_.all();
  const auto told = lines_.count("could not settle");
  go = true;
  // Its own end is told of once the worker finds nothing else to do.
  EXPECT_TRUE(eventually([&] { return lines_.count("could not settle") > told; })) << lines_.all();
  EXPECT_EQ(handled, 200);
}

}  // namespace
}  // namespace tidings::service
