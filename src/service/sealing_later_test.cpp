// What leaves later waits sealed: delays, and schedules.
#include "service/sealing_testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

TEST_F(SealingTest, DelaysKeepWhatTheyHaveSealed) {
  ManualClock manual;
  use_clock(manual);
  auto& service = make_with_keys();
  Record<std::string> seen;
  service.on("book", {}, [&](const Payment& payment) { seen.add(payment.from); });
  {
    const auto running = start();
    service.publish_after(Payment{"a"}, 10min).or_throw();
    EXPECT_EQ(shown_in(), Places{});
    ASSERT_TRUE(eventually([&] {
      manual.advance(1s);
      return seen.size() > 0;
    })) << lines_.all();
    ASSERT_TRUE(seen.wait(1)) << lines_.all();
    EXPECT_EQ(seen.values().front(), iban);
    EXPECT_EQ(sealed("payments"), 1U);
    EXPECT_EQ(shown_in(), Places{});
  }
  service_.reset();
  use_clock(system_clock());
}

TEST_F(SealingTest, SchedulesSealWhatTheyPublish) {
  ManualClock manual;
  use_clock(manual);
  auto& service = make_with_keys({{"encryption.types", "*"}});
  service.every("pay", Recurrence::every(10s).or_throw(), [](TimePoint) { return Payment{"a"}; });
  {
    const auto running = start();
    ASSERT_TRUE(eventually([&] {
      manual.advance(1s);
      return !read("payments").empty();
    })) << lines_.all();
    EXPECT_GE(sealed("payments"), 1U) << lines_.all();
    for (const auto& tick : read("tidings.schedule")) EXPECT_FALSE(is_sealed(tick.view())) << "which is Tidings' own";
    EXPECT_EQ(shown_in(), Places{});
  }
  service_.reset();
  use_clock(system_clock());
}

// What others have published is passed on as it is: their readers need not have our keys.
TEST_F(SealingTest, WhatAnotherServiceLetsWaitIsNotSealedForIt) {
  ManualClock manual;
  use_clock(manual);
  make({.name = "other"}).publish_after(Confirmed{"a", "open"}, 10s).or_throw();
  auto& service = make_with_keys({{"encryption.types", "*"}});
  service.on("idle", {}, [](const Order&) {});
  {
    const auto running = start();
    ASSERT_TRUE(eventually([&] {
      manual.advance(500ms);
      return !read("mails").empty();
    })) << lines_.all();
    ASSERT_EQ(read("mails").size(), 1U) << lines_.all();
    EXPECT_FALSE(is_sealed(read("mails").front().view()));
  }
  service_.reset();
  use_clock(system_clock());
}

}  // namespace
}  // namespace tidings::service
