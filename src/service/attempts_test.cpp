// What services tell of attempts to who asks: tidings/service/attempts.hpp.
#include "tidings/service/attempts.hpp"

#include "service/failed_attempts.hpp"
#include "service/source.hpp"
#include "service/testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

class AttemptsTest : public ServiceTest {
 protected:
  std::vector<AttemptsAnswer> ask(std::vector<Offset> offsets, const std::string& type = "test.order") {
    return ask_about_attempts(*broker_,
                              {.topic = std::string(event_topic<Order>()),
                               .partition = Partition{0},
                               .offsets = std::move(offsets),
                               .type = type,
                               .groups = {"test.pay"}},
                              {})
        .or_throw();
  }
  static const AttemptsOfEvent& event_in(const std::vector<AttemptsAnswer>& answers) {
    return answers.at(0).events.at(0);
  }
};

TEST_F(AttemptsTest, WhatIsTriedAgainIsToldWithEachAttempt) {
  auto& service = make();
  Record<std::int64_t> tried;
  service.on("pay", {.retry = {.immediate = 1, .delayed = 5, .first = 1h, .longest = 1h, .jitter = Jitter::none}},
             [&](const Order& order) -> Result<> {
               tried.add(order.number);
               if (order.number == 1) return Error{"away", "the bank is away", Retry::same_call};
               return {};
             });
  const auto running = start();
  publish(Order{"a", 1});
  ASSERT_TRUE(tried.wait(2));
  ASSERT_TRUE(eventually([&] { return service.stats("pay").or_throw().failed == 2; }));
  const auto answers = ask({Offset{0}});
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].group, "test.pay");
  EXPECT_NE(answers[0].process.find(":" + std::to_string(getpid())), std::string::npos);
  EXPECT_TRUE(answers[0].holds);
  const auto& event = event_in(answers);
  EXPECT_TRUE(event.in_hand);
  EXPECT_FALSE(event.runs_since);
  EXPECT_EQ(event.failures, 2);
  ASSERT_EQ(event.failed.size(), 2U);
  EXPECT_EQ(event.failed[0].number, 1);
  EXPECT_EQ(event.failed[1].number, 2);
  EXPECT_EQ(event.failed[1].code, "away");
  EXPECT_EQ(event.failed[1].reason, "the bank is away");
  ASSERT_TRUE(event.next);
  EXPECT_EQ(*event.next - event.failed[1].time, Duration{1h});
}

TEST_F(AttemptsTest, WhatRunsIsToldAndWhatIsDoneIsNot) {
  auto& service = make();
  Record<std::int64_t> seen;
  std::atomic<bool> goes_on = false;
  service.on("pay", {.retry = {.immediate = 1, .delayed = 0}}, [&](const Order& order) -> Result<> {
    seen.add(order.number);
    if (order.number == 1 && seen.size() == 1) return Error{"away", "the bank is away", Retry::same_call};
    while (order.number == 2 && !goes_on) std::this_thread::sleep_for(1ms);
    return {};
  });
  const auto running = start();
  publish(Order{"a", 1});
  ASSERT_TRUE(seen.wait(2));
  publish(Order{"b", 2});
  ASSERT_TRUE(seen.wait(3));
  const auto answers = ask({Offset{0}, Offset{1}});
  ASSERT_EQ(answers.at(0).events.size(), 2U);
  EXPECT_EQ(answers[0].events[0].failures, 0) << "it succeeded in the end";
  EXPECT_TRUE(answers[0].events[1].in_hand);
  EXPECT_TRUE(answers[0].events[1].runs_since);
  EXPECT_EQ(answers[0].events[1].failures, 0);
  goes_on = true;
}

TEST_F(AttemptsTest, WhichTypesAreTakenIsTold) {
  auto& service = make();
  Record<std::int64_t> seen;
  service.on("pay", {}, [&](const Order& order) { seen.add(order.number); });
  const auto running = start();
  publish(Order{"a", 1});
  ASSERT_TRUE(seen.wait(1));
  EXPECT_TRUE(ask({}, std::string(event_name<Order>())).at(0).takes);
  EXPECT_FALSE(ask({}, "test.other").at(0).takes);
}

TEST_F(AttemptsTest, WhereNobodyHoldsThePartitionNobodyIsAsked) {
  publish(Order{"a", 1});
  EXPECT_TRUE(ask({Offset{0}}).empty());
  EXPECT_FALSE(broker_->topic("tidings.control")) << "nothing was made for it";
}

TEST(FailedAttempts, KeepsTheLastOfEachAndOfAll) {
  FailedAttempts kept;
  Source source;
  const auto add = [&](std::uint64_t offset, int attempt) {
    Task task;
    task.source = &source;
    task.delivery.id = {.partition = Partition{0}, .offset = Offset{offset}};
    task.delivery.attempt = attempt;
    kept.add(task, {"away", std::string(1000, 'x')}, TimePoint{}, std::nullopt);
    return kept.of(source, Partition{0}, offset);
  };
  for (int attempt = 1; attempt < 20; ++attempt) (void)add(7, attempt);
  const auto told = add(7, 20);
  EXPECT_EQ(told.failures, 20);
  ASSERT_EQ(told.failed.size(), FailedAttempts::attempts_max);
  EXPECT_EQ(told.failed.back().number, 20);
  EXPECT_EQ(told.failed.front().number, 13);
  EXPECT_EQ(told.failed.back().reason.size(), FailedAttempts::reason_bytes_max);
  for (std::uint64_t offset = 100; offset < 100 + FailedAttempts::events_max; ++offset) (void)add(offset, 1);
  EXPECT_EQ(kept.of(source, Partition{0}, 7).failures, 0) << "it failed longest ago";
  EXPECT_EQ(kept.of(source, Partition{0}, 100).failures, 1);
}

}  // namespace
}  // namespace tidings::service
