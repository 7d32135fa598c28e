#include "tidings/ops/metrics.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>

#include "ops/testing.hpp"
#include "tidings/base/fd.hpp"

namespace tidings::ops {
namespace {

bool has(const std::string& text, std::string_view line) {
  return ("\n" + text).find("\n" + std::string(line) + "\n") != std::string::npos;
}

TEST(Metrics, are_text_with_help_type_and_labels) {
  Metrics metrics;
  metrics.counter("shop_orders_total", "Orders that were placed.", {{"kind", "web"}}).add(3);
  metrics.gauge("shop_open_carts", "Carts that are open.").set(1.5);
  EXPECT_EQ(metrics.text(),
            "# HELP shop_open_carts Carts that are open.\n# TYPE shop_open_carts gauge\nshop_open_carts 1.5\n"
            "# HELP shop_orders_total Orders that were placed.\n# TYPE shop_orders_total counter\n"
            "shop_orders_total{kind=\"web\"} 3\n");
}

TEST(Metrics, the_same_name_and_labels_are_the_same_counter) {
  Metrics metrics;
  auto& one = metrics.counter("a_total", "a", {{"x", "1"}});
  EXPECT_EQ(&one, &metrics.counter("a_total", "a", {{"x", "1"}}));
  EXPECT_NE(&one, &metrics.counter("a_total", "a", {{"x", "2"}}));
}

TEST(Metrics, a_histogram_counts_below_its_bounds_inclusively) {
  Metrics metrics;
  const double bounds[] = {1, 2};
  auto& histogram = metrics.histogram("wait_seconds", "Waits.", bounds, {{"at", "door"}});
  for (const double value : {0.5, 1.0, 1.5, 2.0, 3.0}) histogram.observe(value);
  histogram.observe(10, 2);
  const auto text = metrics.text();
  EXPECT_TRUE(has(text, "wait_seconds_bucket{at=\"door\",le=\"1\"} 2")) << text;
  EXPECT_TRUE(has(text, "wait_seconds_bucket{at=\"door\",le=\"2\"} 4")) << text;
  EXPECT_TRUE(has(text, "wait_seconds_bucket{at=\"door\",le=\"+Inf\"} 7")) << text;
  EXPECT_TRUE(has(text, "wait_seconds_sum{at=\"door\"} 28")) << text;
  EXPECT_TRUE(has(text, "wait_seconds_count{at=\"door\"} 7")) << text;
}

TEST(Metrics, functions_beyond_the_bound_are_refused_and_end_nothing) {
  Metrics metrics(1);
  for (const std::string room : {"a", "b", "c"}) {
    metrics.counter_of("rings_total", "Rings.", {{"room", room}}, [] { return 1.0; });
    metrics.gauge_of("guests", "Guests.", {{"room", room}}, [] { return 2.0; });
  }
  const auto text = metrics.text();
  EXPECT_TRUE(has(text, "rings_total{room=\"a\"} 1")) << text;
  EXPECT_TRUE(has(text, "guests{room=\"a\"} 2")) << text;
  EXPECT_TRUE(has(text, "tidings_metrics_refused_series_total{metric=\"guests\"} 2")) << text;
  EXPECT_FALSE(text.contains("\"other\"")) << text;
}

TEST(Metrics, counts_nothing_twice_and_loses_nothing_over_threads) {
  Metrics metrics;
  auto& counter = metrics.counter("a_total", "a");
  auto& family = metrics.counters("b_total", "b", "topic");
  const double bounds[] = {1};
  auto& histogram = metrics.histogram("c_seconds", "c", bounds);
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 8; ++thread)
      threads.emplace_back([&, thread] {
        for (int at = 0; at < 20'000; ++at) {
          counter.add();
          family.of("t" + std::to_string((at + thread) % 50)).add();
          histogram.observe(at % 2 == 0 ? 0.5 : 2);
          if (at % 5'000 == 0) (void)metrics.text();
        }
      });
  }
  EXPECT_EQ(counter.value(), 160'000U);
  std::uint64_t sum = 0, series = 0;
  family.visit([&](const std::string&, const Counter& one) { sum += one.value(), ++series; });
  EXPECT_EQ(sum, 160'000U);
  EXPECT_EQ(series, 50U);
  EXPECT_EQ(histogram.value().count, 160'000U);
  EXPECT_EQ(histogram.value().buckets.at(0), 80'000U);
  EXPECT_DOUBLE_EQ(histogram.value().sum, 80'000 * 2.5);
}

TEST(Metrics, hostile_label_values_stay_one_line_and_are_cut) {
  Metrics metrics;
  metrics.counter("a_total", "a", {{"x", "q\" b\\ n\nr\r e\x1b[31m nul" + std::string(1, '\0') + " bad\xff"}}).add();
  metrics.counter("b_total", "b", {{"x", std::string(127, 'a') + "\u00e4\u00e4\u00e4"}}).add();
  metrics.counters("c_total", "c", "x").of("} 7\nd_total 8\n").add();
  const auto text = metrics.text();
  EXPECT_EQ(std::ranges::count(text, '\n'), 9) << text;
  EXPECT_TRUE(has(text, R"(a_total{x="q\" b\\ n\\x0Ar\\x0D e\\x1B[31m nul\\x00 bad\\xFF"} 1)")) << text;
  EXPECT_TRUE(has(text, "b_total{x=\"" + std::string(127, 'a') + "\"} 1")) << text;
}

TEST(Metrics, values_that_are_told_alike_are_one_sample) {
  Metrics metrics(6);
  auto& family = metrics.counters("a_total", "a", "x");
  const std::string begin(128, 'b');
  for (const auto& value : {begin + "1", begin + "2", std::string("\x01"), std::string("\\x01"), std::string("other")})
    family.of(value).add();
  family.of("y").add();
  family.of("one too many").add(3);
  const auto text = metrics.text();
  EXPECT_TRUE(has(text, "a_total{x=\"" + begin + "\"} 2")) << text;
  EXPECT_TRUE(has(text, R"(a_total{x="\\x01"} 2)")) << text;
  EXPECT_TRUE(has(text, R"(a_total{x="other"} 4)")) << text;
  EXPECT_EQ(std::ranges::count(text, '\n'), 2 + 4 + 3) << text;
}

TEST(Metrics, series_are_bounded_and_what_comes_beyond_is_told) {
  Metrics metrics(3);
  for (int at = 0; at < 10; ++at) {
    metrics.counter("a_total", "a", {{"x", std::to_string(at)}, {"y", "1"}}).add();
    metrics.counters("b_total", "b", "x").of(std::to_string(at)).add();
    metrics.histogram("d_seconds", "d", duration_bounds(), {{"x", std::to_string(at)}}).observe(1);
  }
  std::vector<Sample> samples;
  for (int at = 0; at < 10; ++at) samples.push_back({{{"x", std::to_string(at)}}, 1});
  metrics.gauges("c", "c").replace(samples);
  const auto text = metrics.text();
  EXPECT_TRUE(has(text, "a_total{x=\"other\",y=\"other\"} 7")) << text;
  EXPECT_TRUE(has(text, "b_total{x=\"other\"} 7")) << text;
  EXPECT_TRUE(has(text, "c{x=\"other\"} 7")) << text;
  EXPECT_TRUE(has(text, "d_seconds_count{x=\"other\"} 7")) << text;
  for (const auto* const name : {"a_total", "b_total", "c", "d_seconds"})
    EXPECT_TRUE(has(text, "tidings_metrics_refused_series_total{metric=\"" + std::string(name) + "\"} 7")) << text;
}

TEST(Metrics, gathered_gauges_are_replaced_all_at_once) {
  Metrics metrics;
  auto& lag = metrics.gauges("lag_events", "Lag.");
  lag.replace({{{{"p", "0"}}, 5}, {{{"p", "1"}}, 6}});
  lag.replace({{{{"p", "1"}}, 7}});
  const auto text = metrics.text();
  EXPECT_TRUE(has(text, "lag_events{p=\"1\"} 7")) << text;
  EXPECT_EQ(text.find("p=\"0\""), std::string::npos) << text;
}

TEST(Metrics, of_the_process_are_there) {
  Metrics metrics;
  metrics.add_process_metrics();
  const auto value = [&](const std::string& name) {
    const auto text = metrics.text();
    const auto at = text.find("\n" + name + " ");
    return at == text.npos ? -1 : std::strtod(text.c_str() + at + name.size() + 2, nullptr);
  };
  EXPECT_GT(value("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
  EXPECT_TRUE(eventually([&] {  // threads that other tests left behind may close one meanwhile
    const auto before = value("process_open_fds");
    const Fd one(::open("/dev/null", O_RDONLY | O_CLOEXEC)), two(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return before >= 1 && value("process_open_fds") == before + 2;
  }));
  EXPECT_GT(value("process_max_fds"), value("process_open_fds"));
  // By another way to the same clock, before and after.
  const auto used = [] {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  };
  const auto begun = used();
  while (used() < begun + 0.1) {
  }
  const auto least = used();
  const auto told = value("process_cpu_seconds_total");
  EXPECT_GE(told, least - 0.02) << "of a clock that ticks";
  EXPECT_LE(told, used() + 0.02);
  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_NEAR(value("process_start_time_seconds"), now, 600);
}

}  // namespace
}  // namespace tidings::ops
