#include "tidings/ops/bus_metrics.hpp"

#include <gtest/gtest.h>

#include <future>

#include "tidings/bus/bus.hpp"
#include "tidings/ops/metrics.hpp"

namespace tidings::ops {
namespace {

using namespace std::chrono_literals;

struct Rang {
  int times = 0;
};

bool has(const std::string& text, std::string_view line) {
  return ("\n" + text).find("\n" + std::string(line) + "\n") != std::string::npos;
}

TEST(BusMetrics, tell_of_queues_and_of_what_is_subscribed) {
  Bus bus;
  Metrics metrics;
  add_bus_metrics(metrics, bus, "door");
  auto direct = bus.subscribe([](const Rang&) {});
  std::promise<void> opened;
  auto open = opened.get_future().share();
  std::promise<void> came;
  auto queued = bus.subscribe_queued({.name = "bell", .capacity = 2}, [&](const Rang& rang) -> Result<> {
    if (rang.times == 1) {
      came.set_value();
      open.wait();
    }
    if (rang.times == 2) return Error{"deaf", "nobody hears"};
    return {};
  });
  EXPECT_TRUE(bus.publish(Rang{1}));
  came.get_future().wait();
  EXPECT_TRUE(bus.publish(Rang{2}));
  auto text = metrics.text();
  EXPECT_TRUE(has(text, R"(tidings_bus_pending_events{bus="door",subscription="bell"} 2)")) << text;
  EXPECT_TRUE(has(text, R"(tidings_bus_capacity_events{bus="door",subscription="bell"} 2)")) << text;
  EXPECT_TRUE(has(text, R"(tidings_bus_subscriptions{bus="door",kind="direct"} 1)")) << text;
  EXPECT_TRUE(has(text, R"(tidings_bus_subscriptions{bus="door",kind="queued"} 1)")) << text;
  EXPECT_TRUE(has(text, "# TYPE tidings_bus_handled_events_total counter")) << text;
  opened.set_value();
  ASSERT_TRUE(bus.drain(60s));
  text = metrics.text();
  EXPECT_TRUE(has(text, R"(tidings_bus_pending_events{bus="door",subscription="bell"} 0)")) << text;
  EXPECT_TRUE(has(text, R"(tidings_bus_handled_events_total{bus="door",subscription="bell"} 1)")) << text;
  EXPECT_TRUE(has(text, R"(tidings_bus_failed_events_total{bus="door",subscription="bell"} 1)")) << text;
  queued.end();
  EXPECT_FALSE(has(metrics.text(), R"(tidings_bus_pending_events{bus="door",subscription="bell"} 0)"));
}

TEST(BusMetrics, of_subscriptions_of_one_name_are_their_sum) {
  Bus bus;
  Metrics metrics;
  add_bus_metrics(metrics, bus);
  auto one = bus.subscribe_queued({.name = "bell", .capacity = 8}, [](const Rang&) {});
  auto two = bus.subscribe_queued({.name = "bell", .capacity = 8}, [](const Rang&) {});
  EXPECT_TRUE(bus.publish(Rang{1}));
  ASSERT_TRUE(bus.drain(60s));
  const auto text = metrics.text();
  EXPECT_TRUE(has(text, R"(tidings_bus_handled_events_total{bus="bus",subscription="bell"} 2)")) << text;
  EXPECT_TRUE(has(text, R"(tidings_bus_capacity_events{bus="bus",subscription="bell"} 16)")) << text;
}

TEST(Metrics, families_that_are_asked_have_no_more_series_than_others) {
  Metrics metrics(2);
  metrics.gauges_of("rooms", "Rooms.", [] {
    return std::vector<Sample>{{{{"n", "a"}}, 1}, {{{"n", "b"}}, 1}, {{{"n", "c"}}, 1}, {{{"n", "d"}}, 1}};
  });
  const auto text = metrics.text();
  EXPECT_TRUE(has(text, "rooms{n=\"other\"} 2")) << text;
  EXPECT_TRUE(has(text, "tidings_metrics_refused_series_total{metric=\"rooms\"} 2")) << text;
}

}  // namespace
}  // namespace tidings::ops
