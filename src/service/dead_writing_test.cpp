// Writing the journal while something is wrong with it, and what is asked of a service while a server is away.
#include "service/redriver.hpp"
#include "service/testing.hpp"
#include "tidings/service/dead_letters.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view journal = "test.take.dead-letters";

/// A broker in which some things do not work, and that counts.
class Limping final : public Wrapped {
 public:
  using Wrapped::Wrapped;
  std::atomic<std::uint32_t> bad_partition = ~std::uint32_t{0};  // of the journal
  std::atomic<bool> closes_fail = false;                         // what is written of closed letters
  std::atomic<bool> control_hangs = false;
  std::atomic<std::size_t> read_of_journal = 0;
  std::atomic<std::size_t> keeps = 0;

  Result<std::vector<Published>> publish(std::string_view topic, std::span<const EnvelopeView> events,
                                         const PublishOptions& options = {}) override {
    if (topic == journal && options.partition && options.partition->value == bad_partition)
      return Error{"damaged", "this partition is damaged", Retry::same_call};
    const auto closes = [](const EnvelopeView& event) { return event.type == "tidings.dead-letters.closed"; };
    if (closes_fail && std::ranges::any_of(events, closes)) return Error{"disk_full", "no space", Retry::same_call};
    return Wrapped::publish(topic, events, options);
  }
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) override {
    auto consumer = Wrapped::subscribe(topic, options);
    if (!consumer) return consumer.error();
    return std::make_unique<Taker>(*this, topic == journal, std::move(*consumer));
  }
  Result<TopicInfo> topic(std::string_view topic) override {
    while (topic == control_topic && control_hangs) std::this_thread::sleep_for(1ms);
    return Wrapped::topic(topic);
  }

 private:
  class Taker final : public WrappedConsumer {
   public:
    Taker(Limping& limping, bool counts, std::unique_ptr<Consumer> consumer)
        : WrappedConsumer(std::move(consumer)), limping_(limping), counts_(counts) {}
    Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max) override {
      auto got = WrappedConsumer::fetch(max, wait_max);
      if (got && counts_) limping_.read_of_journal += got->size();
      return got;
    }
    std::optional<Hold> keep(Partition partition) override {
      ++limping_.keeps;
      return WrappedConsumer::keep(partition);
    }

   private:
    Limping& limping_;
    bool counts_;
  };
};

class DeadWritingTest : public ServiceTest {
 protected:
  DeadWritingTest() {
    auto limping = std::make_unique<Limping>(open_broker("memory:", {.log = &lines_}).or_throw());
    limping_ = limping.get();
    broker_ = std::make_unique<Moody>(std::move(limping));
  }
  ~DeadWritingTest() override {
    limping_->control_hangs = limping_->closes_fail = false;
    limping_->bad_partition = ~std::uint32_t{0};
    stop();
    service_.reset();
    forget_first = 10s;
  }
  std::uint64_t open() {
    std::uint64_t open = 0;
    for (const auto& one : DeadLetters::read(*broker_, "test.take").or_throw().counts()) open += one.open();
    return open;
  }
  /// A service whose handler fails while `fails_` is.
  void make_failing() {
    make().on("take", {}, [this](const Order&) -> Result<> {
      if (fails_) return Error{"bad", "it is bad"};
      return {};
    });
  }
  void redrive() {
    fails_ = false;
    DeadLetters::read(*broker_, "test.take").or_throw().publish({}, "").or_throw();
  }
  Limping* limping_ = nullptr;
  std::atomic<bool> fails_ = true;
};

TEST_F(DeadWritingTest, ABadPartitionOfTheJournalHoldsUpNoOther) {
  broker_->create_topic("orders", {.partitions = 4}).or_throw();
  broker_->create_topic(journal, {.partitions = 4}).or_throw();
  for (std::int64_t number = 0; number < 40; ++number) publish(Order{"k" + std::to_string(number), number});
  std::uint64_t of_bad = 0;
  const auto info = broker_->topic("orders").or_throw();
  for (const auto& one : info.partitions)
    if (one.partition.value == 0) of_bad = one.end.value;
  ASSERT_GT(of_bad, 0U);
  // The takeover is written as well; what is bad afterwards is only parking.
  std::atomic<bool> fails = true;
  make().on("take", {}, [&](const Order&) -> Result<> {
    if (!fails) return {};
    limping_->bad_partition = 0;
    return Error{"bad", "it is bad"};
  });
  const auto running = start();
  EXPECT_TRUE(eventually([&] { return letters(journal).size() == 40 - of_bad; })) << letters(journal).size();
  // One that is open there as well, so that it is meant too.
  limping_->bad_partition = ~std::uint32_t{0};
  EXPECT_TRUE(eventually([&] { return letters(journal).size() == 40; })) << "it is tried again without an end";
  limping_->bad_partition = 0;
  for (std::int64_t number = 0; number < 40; ++number) publish(Order{"k" + std::to_string(number), number});
  EXPECT_TRUE(eventually([&] { return letters(journal).size() == 40 + 40 - of_bad; })) << letters(journal).size();
  fails = false;
  DeadLetters::read(*broker_, "test.take").or_throw().publish({}, "").or_throw();
  EXPECT_TRUE(eventually([&] { return open() == of_bad; })) << "a redrive of the others waits for it";
  limping_->bad_partition = ~std::uint32_t{0};
  EXPECT_TRUE(eventually([&] { return open() == 0; }));
}

TEST_F(DeadWritingTest, WhatIsDroppedIsReadNoFasterThanThatIsWrittenDown) {
  constexpr std::uint64_t count = 20'000;
  make().on("take", {}, [](const Tick&) -> Result<> { return Error{"bad", "it is bad"}; });
  for (std::uint64_t tick = 0; tick < count; ++tick) publish(Tick{static_cast<std::int64_t>(tick)});
  const auto running = start();
  ASSERT_TRUE(caught_up("ticks", "test.take"));
  ASSERT_EQ(open(), count);
  auto desk = DeadLetters::read(*broker_, "test.take").or_throw();
  limping_->closes_fail = true;
  desk.publish({.action = DeadLetterRequest::Action::drop}, "").or_throw();
  limping_->read_of_journal = 0;
  ASSERT_TRUE(eventually([&] { return limping_->read_of_journal > 0; }));
  std::this_thread::sleep_for(2s);
  EXPECT_LT(limping_->read_of_journal, 5000U);
  limping_->closes_fail = false;
  EXPECT_TRUE(eventually([&] { return open() == 0; }));
}

TEST_F(DeadWritingTest, RequestsThatAreOverAreForgotten) {
  forget_first = 100ms;
  make_failing();
  publish(Order{"a", 0});
  {
    const auto running = start();
    ASSERT_TRUE(caught_up("orders", "test.take"));
    redrive();
    ASSERT_TRUE(eventually([&] { return open() == 0; }));
  }
  make_failing();
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 2; }));
  const auto rests = [&] {
    const auto before = limping_->keeps.load();
    std::this_thread::sleep_for(2500ms);
    return limping_->keeps == before;
  };
  EXPECT_TRUE(rests() || rests() || rests()) << "what was done long ago is looked after for ever";
  // And another is carried out as ever.
  fails_ = true;
  publish(Order{"a", 1});
  ASSERT_TRUE(eventually([&] { return open() == 1; }));
  ASSERT_TRUE(caught_up("orders", "test.take"));
  redrive();
  EXPECT_TRUE(eventually([&] { return open() == 0; }));
}

/// Its partition had no owner that could have done it.
TEST_F(DeadWritingTest, ARequestThatNobodyCarriedOutIsNotForgotten) {
  forget_first = 100ms;
  make_failing();
  publish(Order{"a", 0});
  {
    const auto running = start();
    ASSERT_TRUE(caught_up("orders", "test.take"));
  }
  redrive();
  make_failing();
  const auto running = start();
  EXPECT_TRUE(eventually([&] { return open() == 0; }));
}

TEST_F(DeadWritingTest, AServerThatIsAwayKeepsNobodyFromHisDeliveries) {
  std::atomic<bool> blocks = true;
  make().on("take", {.settle_within = 300ms}, [&](const Order&) {
    while (blocks) std::this_thread::sleep_for(1ms);
  });
  publish(Order{"a", 0});
  limping_->control_hangs = false;
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 1; }));
  limping_->control_hangs = true;
  std::this_thread::sleep_for(200ms);
  const auto before = broker_->extended();
  std::this_thread::sleep_for(1s);
  EXPECT_GT(broker_->extended(), before + 3);
  limping_->control_hangs = false;
  blocks = false;
  EXPECT_TRUE(caught_up("orders", "test.take"));
}

}  // namespace
}  // namespace tidings::service
