// The checker has eyes: a broker that acknowledges and forgets, or swaps two, is found out under the same load.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "load.hpp"

namespace tidings::faults {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::StartsWith;

enum class Fault {
  none,
  forgets_one,
  swaps_two,
  refuses_what_it_wrote,
  hands_out_swapped,
  settles_before,
  forgets_settlements
};

class FaultyConsumer final : public Consumer {
 public:
  FaultyConsumer(std::unique_ptr<Consumer> good, Fault fault) : good_(std::move(good)), fault_(fault) {}

  /// Now and then it settles one itself that nobody gets; or swaps two.
  Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max) override {
    auto got = good_->fetch(max, wait_max);
    if (!got || got->size() < 2 || ++fetches_ % 10 != 0) return got;
    if (fault_ == Fault::settles_before && good_->settle({&got->back().id, 1}, Outcome::handled)) got->pop_back();
    for (std::size_t index = 1; fault_ == Fault::hands_out_swapped && index < got->size(); ++index)
      if ((*got)[index].envelope.key == (*got)[index - 1].envelope.key) std::swap((*got)[index], (*got)[index - 1]);
    return got;
  }
  Result<> settle(std::span<const DeliveryId> ids, Outcome outcome) override {
    if (fault_ != Fault::forgets_settlements || ++settlements_ % 10 != 0) return good_->settle(ids, outcome);
    (void)good_->reject(ids, {}).has_value();
    return {};
  }
  Result<> reject(std::span<const DeliveryId> ids, Duration delay) override { return good_->reject(ids, delay); }
  Result<> extend(std::span<const DeliveryId> ids) override { return good_->extend(ids); }
  [[nodiscard]] std::vector<Partition> assignment() const override { return good_->assignment(); }
  void wake() override { good_->wake(); }
  Result<> close(Duration wait_max) override { return good_->close(wait_max); }

 private:
  std::unique_ptr<Consumer> good_;
  Fault fault_;
  int fetches_ = 0;
  int settlements_ = 0;
};

class FaultyBroker final : public Broker {
 public:
  FaultyBroker(std::unique_ptr<Broker> good, Fault fault) : good_(std::move(good)), fault_(fault) {}

  [[nodiscard]] const Capabilities& capabilities() const override { return good_->capabilities(); }
  Result<> create_topic(std::string_view topic, const TopicOptions& options) override {
    return good_->create_topic(topic, options);
  }
  /// One call in a hundred goes wrong.
  Result<std::vector<Published>> publish(std::string_view topic, std::span<const EnvelopeView> events,
                                         const PublishOptions& options) override {
    static std::atomic<int> calls = 0;
    const bool now = ++calls % 100 == 50;
    if (now && fault_ == Fault::forgets_one) {
      auto places = good_->publish(topic, events.first(events.size() - 1), options);
      if (places) places->push_back({.partition = Partition{0}, .offset = Offset{1'000'000}});
      return places;
    }
    if (fault_ == Fault::swaps_two)
      for (std::size_t index = 1; index < events.size(); ++index)
        if (events[index].key == events[index - 1].key) {
          std::vector<EnvelopeView> swapped(events.begin(), events.end());
          std::swap(swapped[index], swapped[index - 1]);
          auto places = good_->publish(topic, swapped, options);
          if (places) std::swap((*places)[index], (*places)[index - 1]);
          return places;
        }
    auto places = good_->publish(topic, events, options);
    if (now && fault_ == Fault::refuses_what_it_wrote) return Error{"unreachable", "not now", Retry::same_call};
    return places;
  }
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) override {
    auto good = good_->subscribe(topic, options);
    if (!good || options.group.empty()) return good;
    return std::make_unique<FaultyConsumer>(std::move(*good), fault_);
  }
  Result<std::vector<TopicInfo>> topics() override { return good_->topics(); }
  Result<TopicInfo> topic(std::string_view topic) override { return good_->topic(topic); }
  Result<std::vector<GroupInfo>> groups(std::string_view topic) override { return good_->groups(topic); }
  Result<> seek(std::string_view topic, std::string_view group, const Start& to) override {
    return good_->seek(topic, group, to);
  }
  Result<> close(Duration wait_max) override { return good_->close(wait_max); }

 private:
  std::unique_ptr<Broker> good_;
  Fault fault_;
};

/// The load on `memory:`, with a fault in between.
Verdict run(Fault fault) {
  static int number = 0;
  const auto url = "memory:faults-" + std::to_string(number++);
  const OpenBroker open = [=]() -> Result<std::unique_ptr<Broker>> {
    auto good = open_broker(url);
    if (!good) return good;
    return std::make_unique<FaultyBroker>(std::move(*good), fault);
  };
  auto keeper = open_broker(url).or_throw();
  keeper->create_topic("t", {.partitions = 2, .durability = {}, .retention = {}}).or_throw();
  History history;
  Load load({.topic = "t", .seed = 1, .keys_each = 4, .pause = 500us}, open, open, history);
  std::this_thread::sleep_for(500ms);
  EXPECT_TRUE(load.finish_publishing(10s));
  EXPECT_TRUE(load.finish([&] { return is_drained(*keeper, "t"); }, 10s));
  EXPECT_TRUE(read_back(*keeper, "t", history, 10s));
  EXPECT_EQ(load.troubles().never(), "");
  return judge(history.steps());
}

TEST(Mutants, WithoutAFaultAllIsWell) {
  const auto verdict = run(Fault::none);
  EXPECT_THAT(verdict.wrong, IsEmpty());
  EXPECT_GT(verdict.acknowledged, 100U);
  EXPECT_EQ(verdict.handed_again, 0U);
}

TEST(Mutants, OneThatAcknowledgesAndForgetsIsFound) {
  EXPECT_THAT(run(Fault::forgets_one).wrong, Contains(StartsWith("lost")));
}

TEST(Mutants, OneThatStoresTwoOfAKeyTheWrongWayRoundIsFound) {
  EXPECT_THAT(run(Fault::swaps_two).wrong, Contains(StartsWith("stored out of order")));
}

TEST(Mutants, OneThatSaysNoAndHasWrittenIsFound) {
  EXPECT_THAT(run(Fault::refuses_what_it_wrote).wrong, Contains(StartsWith("there all the same")));
}

TEST(Mutants, OneThatHandsTwoOfAKeyOutTheWrongWayRoundIsFound) {
  EXPECT_THAT(run(Fault::hands_out_swapped).wrong, Contains(StartsWith("handed out of order")));
}

TEST(Mutants, OneThatSettlesWhatNobodyGotIsFound) {
  EXPECT_THAT(run(Fault::settles_before).wrong, Contains(StartsWith("passed over")));
}

TEST(Mutants, OneThatForgetsWhatIsSettledIsFound) {
  EXPECT_THAT(run(Fault::forgets_settlements).wrong, Contains(StartsWith("settled, and came again")));
}

}  // namespace
}  // namespace tidings::faults
