#include "service/schedules.hpp"

#include "service/testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

struct Report {
  std::string due;
  static constexpr tidings::traits<Report> event{.name = "test.report", .topic = "reports", .key = tidings::unordered};
};

class SchedulesTest : public ServiceTest {
 protected:
  SchedulesTest() { use_clock(manual_); }
  ~SchedulesTest() override {
    stop();
    service_.reset();
  }
  Service& with_report(Recurrence when) {
    auto& service = make();
    service.every("report", std::move(when), [](TimePoint due) { return Report{to_rfc3339(due)}; });
    return service;
  }
  /// The times of the reports that there are, once there are so many.
  std::vector<std::string> reports(std::size_t least, Duration step) {
    for (int tries = 0; tries < 20'000 && read("reports").size() < least; ++tries) {
      manual_.advance(step);
      std::this_thread::sleep_for(2ms);
    }
    std::vector<std::string> all;
    for (const auto& envelope : read("reports")) all.push_back(decode_event<Report>(envelope.view()).or_throw().due);
    return all;
  }
  ManualClock manual_{parse_rfc3339("2026-11-26T08:00:30Z").or_throw()};
};

TEST_F(SchedulesTest, ComesEachTimeOnce) {
  with_report(Recurrence::every(10s).or_throw());
  const auto running = start();
  const auto seen = reports(5, 100ms);
  ASSERT_GE(seen.size(), 5U) << lines_.all();
  const std::vector<std::string> first(seen.begin(), seen.begin() + 5);
  EXPECT_EQ(first, (std::vector<std::string>{"2026-11-26T08:00:40Z", "2026-11-26T08:00:50Z", "2026-11-26T08:01:00Z",
                                             "2026-11-26T08:01:10Z", "2026-11-26T08:01:20Z"}));
}

TEST_F(SchedulesTest, RestartsAddNone) {
  for (int round = 0; round < 4; ++round) {
    with_report(Recurrence::every(1min).or_throw());
    const auto running = start();
    ASSERT_TRUE(eventually([&] { return lines_.count("started on") == static_cast<std::size_t>(round + 1); }));
  }
  with_report(Recurrence::every(1min).or_throw());
  const auto running = start();
  const auto seen = reports(3, 500ms);
  ASSERT_GE(seen.size(), 3U) << lines_.all();
  EXPECT_EQ(seen[0], "2026-11-26T08:01:00Z");
  EXPECT_EQ(seen[1], "2026-11-26T08:02:00Z");
  EXPECT_EQ(seen[2], "2026-11-26T08:03:00Z");
}

TEST_F(SchedulesTest, WhatWasDueWhileNobodyRanIsMadeUpForOnce) {
  {
    with_report(Recurrence::every(1min).or_throw());
    const auto running = start();
    ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 1; }));
  }
  manual_.advance(1h);
  with_report(Recurrence::every(1min).or_throw());
  const auto running = start();
  const auto seen = reports(2, 500ms);
  ASSERT_GE(seen.size(), 2U) << lines_.all();
  EXPECT_EQ(seen[0], "2026-11-26T08:01:00Z");
  EXPECT_GE(seen[1], "2026-11-26T09:01:00Z");
}

TEST_F(SchedulesTest, AnotherRecurrenceReplacesIt) {
  {
    with_report(Recurrence::every(1min).or_throw());
    const auto running = start();
    ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 1; }));
  }
  with_report(Recurrence::cron("*/10 * * * *").or_throw());
  const auto running = start();
  const auto seen = reports(2, 2s);
  ASSERT_GE(seen.size(), 2U) << lines_.all();
  EXPECT_EQ(seen[0], "2026-11-26T08:10:00Z");
  EXPECT_EQ(seen[1], "2026-11-26T08:20:00Z");
}

TEST_F(SchedulesTest, ATwinCountsOnce) {
  auto& service = with_report(Recurrence::every(1min).or_throw());
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 1; }));
  for (int twin = 0; twin < 3; ++twin)
    ASSERT_TRUE(service.publish(detail::Tick{"test/report", "PT1M", "2026-11-26T08:01:00Z"}));
  ASSERT_TRUE(service.publish(detail::Tick{"other/report", "PT1M", "2026-11-26T08:01:00Z"}));
  ASSERT_TRUE(caught_up("tidings.schedule", "test.tidings-schedule"));
  ASSERT_TRUE(eventually([&] { return read("reports").size() == 1; }));
  const auto seen = reports(2, 500ms);
  EXPECT_EQ(seen[0], "2026-11-26T08:01:00Z");
  EXPECT_EQ(seen[1], "2026-11-26T08:02:00Z");
}

TEST_F(SchedulesTest, ATickOfATimeToComeEndsNothing) {
  with_report(Recurrence::every(10s).or_throw());
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 1; }));
  publish(detail::Tick{"test/report", "PT10S", "2200-01-01T00:00:00Z"});
  ASSERT_TRUE(caught_up("tidings.schedule", "test.tidings-schedule"));
  const auto seen = reports(3, 100ms);
  ASSERT_GE(seen.size(), 3U) << lines_.all();
  EXPECT_EQ(seen[0], "2026-11-26T08:00:40Z");
}

TEST_F(SchedulesTest, AChainThatIsLostIsBegunAnew) {
  Host host;
  host.service = "test";
  host.clock = &manual_;
  host.entropy = &entropy_;
  Schedules schedules(host);
  schedules.add("report", Recurrence::every(10s).or_throw(), {});
  EXPECT_EQ(schedules.missing_ticks().or_throw().size(), 0U);
  manual_.advance(39s);
  EXPECT_EQ(schedules.missing_ticks().or_throw().size(), 0U);
  manual_.advance(2s);
  const auto ticks = schedules.missing_ticks().or_throw();
  ASSERT_EQ(ticks.size(), 1U);
  EXPECT_EQ(ticks[0].headers.get(delay::due), "2026-11-26T08:01:20Z");
  EXPECT_EQ(schedules.missing_ticks().or_throw().size(), 0U);
}

TEST_F(SchedulesTest, OneThatThrowsIsLeftOutAndTheChainGoesOn) {
  auto& service = make();
  service.every("report", Recurrence::every(10s).or_throw(), [calls = 0](TimePoint due) mutable {
    if (++calls == 1) throw std::runtime_error("no paper");
    return Report{to_rfc3339(due)};
  });
  const auto running = start();
  const auto seen = reports(1, 100ms);
  ASSERT_GE(seen.size(), 1U) << lines_.all();
  EXPECT_EQ(seen[0], "2026-11-26T08:00:50Z");
  EXPECT_EQ(lines_.count("no paper"), 1U);
}

TEST_F(SchedulesTest, TwoOfOneNameAreRefused) {
  auto& service = with_report(Recurrence::every(10s).or_throw());
  service.every("report", Recurrence::every(20s).or_throw(), [](TimePoint) { return Report{}; });
  EXPECT_EQ(service.run(), 1);
  EXPECT_EQ(lines_.count("two schedules 'report'"), 1U);
}

}  // namespace
}  // namespace tidings::service
