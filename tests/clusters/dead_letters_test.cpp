// Dead letters over real servers: who drives them again, and that none is dropped as a repeat.
#include "tidings/service/dead_letters.hpp"

#include "tests/clusters/clusters.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

class DeadLettersOverClusters : public ClusterTest {
 protected:
  static constexpr const char* journal = "test.take.dead-letters";

  /// A service that fails while `fails_`, and notes what it handles.
  void make_taking() {
    make().on("take", {}, [this](const Order& order) -> Result<> {
      if (fails_) return Error{"bad", "it is bad"};
      handled_.add(order.id);
      return {};
    });
  }
  void redrive() { DeadLetters::read(*broker_, "test.take").or_throw().publish({}, "").or_throw(); }
  std::uint64_t open_letters() {
    if (!broker_->topic(journal)) return 0;
    std::uint64_t open = 0;
    for (const auto& one : DeadLetters::read(*broker_, "test.take").or_throw().counts()) open += one.open();
    return open;
  }

  std::atomic<bool> fails_ = true;
  Record<std::string> handled_;
};
INSTANTIATE_TEST_SUITE_P(Brokers, DeadLettersOverClusters, both_clusters(), broker_of);

TEST_P(DeadLettersOverClusters, OneThatIsParkedAgainUnderItsIdIsThere) {
  publish(Order{"a", 1});
  make_taking();
  {
    const auto running = start();
    ASSERT_TRUE(caught_up("orders", "test.take")) << lines_.all();
    ASSERT_EQ(open_letters(), 1U);
    fails_ = false;
    redrive();
    ASSERT_TRUE(handled_.wait(1)) << lines_.all();
    ASSERT_TRUE(eventually([&] { return open_letters() == 0; }));
  }
  service_.reset();
  // It comes again, soon, and fails again.
  fails_ = true;
  ASSERT_TRUE(eventually([&] { return broker_->seek("orders", "test.take", Start::earliest()).has_value(); }));
  make_taking();
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take")) << lines_.all();
  EXPECT_EQ(letters(journal).size(), 2U);
  ASSERT_EQ(open_letters(), 1U) << "it was settled as parked, and is parked nowhere";
  fails_ = false;
  redrive();
  EXPECT_TRUE(handled_.wait(2)) << lines_.all();
  EXPECT_TRUE(eventually([&] { return open_letters() == 0; }));
}

/// What a former owner still writes when it has a successor counts for nothing, and must not keep the successor's out.
TEST_P(DeadLettersOverClusters, ALetterThatCountsForNothingKeepsNoneOut) {
  publish(Order{"a", 1});
  make_taking();
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return open_letters() == 1; })) << lines_.all();
  const auto order = make_envelope(Order{"b", 1}, {.source = "elsewhere"}).or_throw();
  auto stale = letters(journal).at(0);
  stale.id = order.id;
  stale.key = order.key;
  stale.payload = order.payload;
  stale.headers.set(dead_letter::offset, "1");
  stale.headers.set(dead_letter::hold, "of-one-who-is-gone");
  publish_raw(journal, stale);
  publish_raw("orders", order);
  ASSERT_TRUE(eventually([&] { return open_letters() == 2; })) << lines_.all();
  EXPECT_EQ(letters(journal).size(), 3U);
  fails_ = false;
  redrive();
  EXPECT_TRUE(handled_.wait(2)) << lines_.all();
}

TEST_P(DeadLettersOverClusters, APartitionDoesNotMoveUnderAnEventThatIsDrivenAgain) {
  broker_->create_topic("orders", {.partitions = 2}).or_throw();
  std::atomic<bool> blocks = true;
  std::atomic<int> inside = 0;
  std::atomic<int> others = 0;
  make().on("take", {.concurrency = 8}, [&](const Order&, Context& context) -> Result<> {
    if (fails_) return Error{"bad", "it is bad"};
    if (!context.place().redriven) return {};
    ++inside;
    while (blocks) std::this_thread::sleep_for(1ms);
    return {};
  });
  for (std::int64_t number = 0; number < 8; ++number) publish(Order{"k" + std::to_string(number), number});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take")) << lines_.all();
  ASSERT_EQ(open_letters(), 8U);
  fails_ = false;
  redrive();
  ASSERT_TRUE(eventually([&] { return inside == 8; })) << lines_.all();
  // One more process, so to speak, of the same service.
  const auto other_broker = open();
  auto other = Service::create({.name = "test", .broker = other_broker.get(), .log = &lines_}).or_throw();
  other.on("take", {}, [&](const Order&) { ++others; });
  std::jthread runs([&] { (void)other.run(); });
  std::this_thread::sleep_for(is_kafka() ? 2s : 1s);
  EXPECT_EQ(others, 0) << "two processes drive one event at once";
  blocks = false;
  EXPECT_TRUE(eventually([&] { return open_letters() == 0; })) << lines_.all();
  EXPECT_EQ(others, 0);
  EXPECT_EQ(inside, 8);
  other.stop();
}

class DeadLettersOverNats : public DeadLettersOverClusters {};
INSTANTIATE_TEST_SUITE_P(Brokers, DeadLettersOverNats, ::testing::Values("nats"), broker_of);

TEST_P(DeadLettersOverNats, AnEventThatStandsThereTwiceIsParkedTwice) {
  const auto order = make_envelope(Order{"a", 1}, {.source = "elsewhere"}).or_throw();
  {
    BrokerOptions options{.log = &lines_};
    options.topic_defaults.partitions = 1;
    const auto forgetful = open_broker(url_ + "&duplicate_window=100ms", options).or_throw();
    const std::array views{order.view()};
    for (int time = 0; time < 2; ++time) {
      forgetful->publish("orders", views).or_throw();
      std::this_thread::sleep_for(300ms);
    }
  }
  make_taking();
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take")) << lines_.all();
  EXPECT_EQ(letters(journal).size(), 2U);
  fails_ = false;
  redrive();
  EXPECT_TRUE(handled_.wait(2)) << lines_.all();
  EXPECT_TRUE(eventually([&] { return open_letters() == 0; }));
}

}  // namespace
}  // namespace tidings::service
