// A suite is worth what it finds: brokers with a fault each, and the case that must find it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "tidings/testing/broker_conformance.hpp"

namespace tidings::testing {
namespace {

enum class Fault {
  none,
  drops,
  duplicates,
  reorders,
  acknowledges_early,
  leaks,
  publishes_twice,
  forgets_attempts,
  ignores_rejection
};

class FaultyConsumer final : public Consumer {
 public:
  FaultyConsumer(std::unique_ptr<Consumer> good, Fault fault) : good_(std::move(good)), fault_(fault) {}

  Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max) override {
    if (fault_ == Fault::duplicates && last_ && max > 0) return std::vector{*std::exchange(last_, std::nullopt)};
    auto got = good_->fetch(max, wait_max);
    if (!got) return got;
    if (!got->empty()) last_ = got->back();
    switch (fault_) {
      case Fault::drops:
        drop(*got);
        break;
      case Fault::reorders:
        for (std::size_t index = 1; index < got->size(); index += 2) std::swap((*got)[index - 1], (*got)[index]);
        break;
      case Fault::acknowledges_early:
        for (const auto& delivery : *got) (void)good_->settle({&delivery.id, 1}, Outcome::handled);
        break;
      case Fault::forgets_attempts:
        for (auto& delivery : *got) delivery.attempt = 1;
        break;
      default:
        break;
    }
    return got;
  }
  Result<> settle(std::span<const DeliveryId> ids, Outcome outcome) override { return good_->settle(ids, outcome); }
  Result<> reject(std::span<const DeliveryId> ids, Duration delay) override {
    return fault_ == Fault::ignores_rejection ? good_->settle(ids, Outcome::skipped) : good_->reject(ids, delay);
  }
  Result<> extend(std::span<const DeliveryId> ids) override { return good_->extend(ids); }
  std::vector<Partition> assignment() const override { return good_->assignment(); }
  void wake() override { good_->wake(); }
  Result<> close(Duration wait_max) override { return good_->close(wait_max); }

 private:
  void drop(std::vector<Delivery>& got) {
    std::erase_if(got, [&](const Delivery& delivery) {
      if (delivery.id.offset.value % 97 != 13) return false;
      (void)good_->settle({&delivery.id, 1}, Outcome::handled);
      return true;
    });
  }

  std::unique_ptr<Consumer> good_;
  Fault fault_;
  std::optional<Delivery> last_;
};

class FaultyBroker final : public Broker {
 public:
  FaultyBroker(std::unique_ptr<Broker> good, Fault fault) : good_(std::move(good)), fault_(fault) {
    if (fault_ == Fault::leaks) leaked.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
  static inline std::vector<int> leaked;  // closed by the test

  const Capabilities& capabilities() const override { return good_->capabilities(); }
  Result<> create_topic(std::string_view topic, const TopicOptions& options) override {
    return good_->create_topic(topic, options);
  }
  Result<std::vector<Published>> publish(std::string_view topic, std::span<const EnvelopeView> events,
                                         const PublishOptions& options) override {
    if (fault_ == Fault::publishes_twice) (void)good_->publish(topic, events, options);
    return good_->publish(topic, events, options);
  }
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) override {
    auto good = good_->subscribe(topic, options);
    if (!good) return good;
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

class FaultyUnderTest final : public BrokerUnderTest {
 public:
  FaultyUnderTest(std::unique_ptr<BrokerUnderTest> good, Fault fault) : good_(std::move(good)), fault_(fault) {}
  Result<std::unique_ptr<Broker>> open(const BrokerOptions& options) override {
    auto good = good_->open(options);
    if (!good) return good;
    return std::make_unique<FaultyBroker>(std::move(*good), fault_);
  }
  Duration patience() const override {
    return fault_ == Fault::none ? good_->patience() : std::chrono::milliseconds{1500};
  }

 private:
  std::unique_ptr<BrokerUnderTest> good_;
  Fault fault_;
};

BrokerFixture with(Fault fault) {
  static std::atomic<int> number = 0;
  auto good = broker_at([] { return "memory:mutant-" + std::to_string(number++); });
  return
      [good, fault]() -> std::unique_ptr<BrokerUnderTest> { return std::make_unique<FaultyUnderTest>(good(), fault); };
}

struct Mutant {
  const char* name;
  Fault fault;
  std::vector<const char*> found_by;
};

class Mutants : public ::testing::TestWithParam<Mutant> {};

TEST_P(Mutants, AreFoundByACaseOfThatName) {
  for (const auto* name : GetParam().found_by) {
    const auto healthy = run_broker_case(name, with(Fault::none));
    EXPECT_EQ(healthy.verdict, Verdict::passed) << "without the fault: " << to_text({&healthy, 1});
    const auto report = run_broker_case(name, with(GetParam().fault));
    EXPECT_EQ(report.verdict, Verdict::failed) << name << " does not see a broker that " << GetParam().name;
    EXPECT_FALSE(report.reasons.empty());
  }
  for (const auto descriptor : FaultyBroker::leaked) ::close(descriptor);
  FaultyBroker::leaked.clear();
}

INSTANTIATE_TEST_SUITE_P(
    BrokerConformance, Mutants,
    ::testing::Values(Mutant{"drops", Fault::drops, {"delivers_every_acknowledged_publish"}},
                      Mutant{"duplicates", Fault::duplicates, {"delivers_every_acknowledged_publish"}},
                      Mutant{"publishes_twice", Fault::publishes_twice, {"delivers_every_acknowledged_publish"}},
                      Mutant{"reorders", Fault::reorders, {"orders_within_a_key_also_under_concurrent_publishers"}},
                      Mutant{"acknowledges_early",
                             Fault::acknowledges_early,
                             {"an_unacknowledged_delivery_returns_after_its_deadline",
                              "a_rebalance_resumes_from_the_committed_position"}},
                      Mutant{"leaks", Fault::leaks, {"no_thread_or_descriptor_leaks"}},
                      Mutant{"forgets_attempts", Fault::forgets_attempts, {"the_attempt_count_increases"}},
                      Mutant{"ignores_rejection", Fault::ignores_rejection, {"a_negative_acknowledgement_redelivers"}}),
    [](const auto& mutant) { return mutant.param.name; });

TEST(BrokerConformance, ACaseThatIsNotThereFails) {
  EXPECT_EQ(run_broker_case("no_such_case", with(Fault::none)).verdict, Verdict::failed);
}

}  // namespace
}  // namespace tidings::testing
