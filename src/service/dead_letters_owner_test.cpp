// Who drives dead letters again: the one process that holds their partition, for as long as that takes.
#include "service/testing.hpp"
#include "tidings/service/dead_letters.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

class DeadLettersOwnerTest : public ServiceTest {
 protected:
  /// One more process, so to speak, of the same service.
  class Other {
   public:
    template <class F>
    Other(Broker& broker, LogSink& log, F handler)
        : service_(Service::create({.name = "test", .broker = &broker, .log = &log}).or_throw()) {
      service_.on("take", {}, std::move(handler));
      thread_ = std::jthread([this] { (void)service_.run(); });
    }
    ~Other() {
      service_.stop();
      thread_.join();
    }
    Other(const Other&) = delete;
    Other& operator=(const Other&) = delete;

   private:
    Service service_;
    std::jthread thread_;
  };

  void ask() { DeadLetters::read(*broker_, "test.take").or_throw().publish({}, "").or_throw(); }
  std::uint64_t open() {
    std::uint64_t open = 0;
    for (const auto& one : DeadLetters::read(*broker_, "test.take").or_throw().counts()) open += one.open();
    return open;
  }
};

TEST_F(DeadLettersOwnerTest, APartitionDoesNotMoveUnderAnEventThatIsDrivenAgain) {
  broker_->create_topic("orders", {.partitions = 2}).or_throw();
  std::atomic<bool> fails = true, blocks = true;
  std::atomic<int> inside = 0;
  std::atomic<int> others = 0;
  make().on("take", {.concurrency = 8}, [&](const Order&, Context& context) -> Result<> {
    if (fails) return Error{"bad", "it is bad"};
    if (!context.place().redriven) return {};
    ++inside;
    while (blocks) std::this_thread::sleep_for(1ms);
    return {};
  });
  for (std::int64_t number = 0; number < 8; ++number) publish(Order{"k" + std::to_string(number), number});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  ASSERT_EQ(open(), 8U);
  fails = false;
  ask();
  ASSERT_TRUE(eventually([&] { return inside == 8; }));
  const Other other(*broker_, lines_, [&](const Order&) { ++others; });
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(others, 0) << "two processes drive one event at once";
  blocks = false;
  EXPECT_TRUE(eventually([&] { return open() == 0; }));
  EXPECT_EQ(others, 0);
  EXPECT_EQ(inside, 8);
}

TEST_F(DeadLettersOwnerTest, ThenItMovesAndTheOtherGoesOn) {
  broker_->create_topic("orders", {.partitions = 2}).or_throw();
  std::atomic<bool> fails = true;
  Record<std::string> here, there;
  make().on("take", {.concurrency = 1}, [&](const Order& order) -> Result<> {
    if (fails) return Error{"bad", "it is bad"};
    here.add(order.id + std::to_string(order.number));
    std::this_thread::sleep_for(5ms);
    return {};
  });
  constexpr std::int64_t count = 60;
  for (std::int64_t number = 0; number < count; ++number)
    for (const auto* key : {"a", "b", "c", "d", "e", "f"}) publish(Order{key, number});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  fails = false;
  ask();
  ASSERT_TRUE(here.wait(20));
  const Other other(*broker_, lines_, [&](const Order& order) { there.add(order.id + std::to_string(order.number)); });
  EXPECT_TRUE(eventually([&] { return open() == 0; }));
  EXPECT_GT(there.size(), 0U) << "a long redrive keeps a partition from moving";
  auto all = here.values();
  const auto more = there.values();
  all.insert(all.end(), more.begin(), more.end());
  for (const auto* key : {"a", "b", "c", "d", "e", "f"}) {
    std::vector<std::string> wanted, got;
    for (std::int64_t number = 0; number < count; ++number) wanted.push_back(key + std::to_string(number));
    std::ranges::copy_if(all, std::back_inserter(got), [&](const std::string& one) { return one.starts_with(key); });
    EXPECT_EQ(got, wanted);
  }
}

/// Its owner died between parking and settling: it comes once more, to be settled, and only then is it driven again.
TEST_F(DeadLettersOwnerTest, WhatComesAgainIsSettledBeforeItIsDrivenAgain) {
  std::atomic<bool> fails = true;
  Record<std::string> handled;
  const auto take = [&](const Order& order) -> Result<> {
    if (fails) return Error{"bad", "it is bad"};
    handled.add(order.id + std::to_string(order.number));
    return {};
  };
  make().on("take", {}, take);
  publish(Order{"a", 0});
  publish(Order{"a", 1});
  broker_->fail_settle(1'000'000, {"disk_full", "no space", Retry::same_call});
  {
    const auto running = start();
    ASSERT_TRUE(eventually([&] { return letters("test.take.dead-letters").size() == 2; }));
  }
  broker_->fail_settle(0, {});
  EXPECT_EQ(group("orders", "test.take").parked, 0U);
  fails = false;
  ask();
  broker_->hold_back("orders");
  make().on("take", {}, take);
  const auto running = start();
  std::this_thread::sleep_for(1500ms);
  EXPECT_EQ(handled.size(), 0U);
  broker_->hold_back("");
  EXPECT_TRUE(handled.wait(2));
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_TRUE(eventually([&] { return open() == 0; }));
  EXPECT_EQ(handled.values(), (std::vector<std::string>{"a0", "a1"}));
  EXPECT_EQ(group("orders", "test.take").parked, 2U);
  EXPECT_EQ(group("orders", "test.take").handled, 0U);
  EXPECT_EQ(letters("test.take.dead-letters").size(), 2U) << "it is parked once";
}

}  // namespace
}  // namespace tidings::service
