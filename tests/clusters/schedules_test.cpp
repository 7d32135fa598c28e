// What is published later, by services over real servers: it waits in a log beside the service.
#include "testing/servers/temporary_folder.hpp"
#include "tests/clusters/clusters.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

struct Sweep {
  std::string due;
  static constexpr tidings::traits<Sweep> event{.name = "test.sweep", .topic = "sweeps", .key = tidings::unordered};
};

class LaterOverClusters : public ClusterTest {
 protected:
  Service& make_with_log() { return make({.settings = {{"schedule.broker", "log:" + folder_.path() + "/schedule"}}}); }
  std::vector<std::string> sweeps() {
    std::vector<std::string> all;
    for (const auto& one : read("sweeps")) all.push_back(decode_event<Sweep>(one.view()).or_throw().due);
    return all;
  }

  tidings::testing::TemporaryFolder folder_ = tidings::testing::TemporaryFolder::make("schedules").or_throw();
};
INSTANTIATE_TEST_SUITE_P(Brokers, LaterOverClusters, both_clusters(), broker_of);

TEST_P(LaterOverClusters, WithoutALogTheErrorSaysWhatToSet) {
  auto& service = make();
  const auto refused = service.publish_after(Tick{1}, 1h);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "unsupported");
  EXPECT_NE(refused.error().message.find("schedule.broker"), std::string::npos) << refused.error().message;
  service.every("sweep", Recurrence::every(1s).or_throw(), [](TimePoint due) { return Sweep{to_rfc3339(due)}; });
  EXPECT_EQ(service.run(), 1);
  EXPECT_EQ(lines_.count("schedule.broker"), 1U) << lines_.all();
}

TEST_P(LaterOverClusters, WhatWaitsComesInItsOrderAndOnce) {
  auto& service = make_with_log();
  Record<std::int64_t> seen;
  Record<std::string> confirmed;
  service.on("count", {}, [&](const Tick& tick) { seen.add(tick.number); });
  service.on("confirm", {}, [&](const Order& order, Context& context) {
    return context.publish_after(Confirmed{order.id, "later"}, 1s);
  });
  service.on("mail", {}, [&](const Confirmed& mail) { confirmed.add(mail.id); });
  const auto now = clock_->now();
  service.publish_at(Tick{2}, now + 2s).or_throw();
  service.publish_at(Tick{1}, now + 1s).or_throw();
  const auto running = start();
  publish(Order{"a", 1});
  ASSERT_TRUE(seen.wait(2)) << lines_.all();
  ASSERT_TRUE(confirmed.wait(1)) << lines_.all();
  EXPECT_GE(clock_->now() - now, 2s);
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(seen.values(), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(confirmed.size(), 1U);
}

TEST_P(LaterOverClusters, SchedulesGoOnOverRestarts) {
  for (std::size_t round = 1; round <= 2; ++round) {
    auto& service = make_with_log();
    service.every("sweep", Recurrence::every(1s).or_throw(), [](TimePoint due) { return Sweep{to_rfc3339(due)}; });
    const auto running = start();
    ASSERT_TRUE(eventually([&] { return sweeps().size() >= 2 * round; })) << lines_.all();
    stop();
    service_.reset();
  }
  auto all = sweeps();
  EXPECT_TRUE(std::ranges::is_sorted(all));
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end()) << "one time came twice";
}

}  // namespace
}  // namespace tidings::service
