#include "dashboard/search.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "describe/json_tree.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/event/make_envelope.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

/// Goes on by `tick` with each look at it: whatever is asked for takes that long.
class TickingClock final : public Clock {
 public:
  explicit TickingClock(Duration tick) : tick_(tick) {}
  [[nodiscard]] TimePoint now() const override { return TimePoint{1'700'000'000s}; }
  [[nodiscard]] SteadyTime steady_now() const override { return SteadyTime{passed_ += tick_}; }

 private:
  const Duration tick_;
  mutable Duration passed_{};
};

TEST(Search, FindsEachEventOnceWhereverTimeIsUp) {
  constexpr std::size_t many = 40'000;
  auto broker = open_broker("memory:").or_throw();
  broker->create_topic("orders", {.partitions = 3}).or_throw();
  std::vector<Envelope> events;
  for (std::size_t n = 0; n < many; ++n) {
    auto& event = events.emplace_back(begin_envelope({.source = "test"}));
    event.type = n % 100 == 0 ? "shop.wanted" : "shop.other";
    event.key = std::to_string(n);
    event.payload = "{}";
  }
  std::vector<EnvelopeView> views;
  for (const auto& one : events) views.push_back(one.view());
  for (std::size_t at = 0; at < many; at += 1000)
    (void)broker->publish("orders", std::span(views).subspan(at, 1000)).or_throw();
  const Common common;
  const auto seen = observe_topics(*broker, common).or_throw();
  const EventFilter filter{.topics = {}, .type = "shop.wanted", .key = {}, .id = {}, .from = {}, .to = {}};
  for (const Duration tick : {1ms, 100ms, 150ms, 200ms, 250ms, 300ms, 400ms, 700ms, 1400ms, 4000ms}) {
    TickingClock clock(tick);
    std::vector<std::string> keys;
    std::string cursor;
    std::size_t steps = 0;
    for (bool is_complete = false; !is_complete; ++steps) {
      ASSERT_LT(steps, 1000U);
      const auto found = search(*broker, common, seen, filter, cursor, {.limit = 500}, clock).or_throw();
      for (const auto& one : found.events) keys.push_back(parse_json_tree(one).value().find("key")->scalar);
      is_complete = found.is_complete;
      cursor = found.cursor;
    }
    EXPECT_EQ(keys.size(), many / 100) << tick;
    std::ranges::sort(keys);
    EXPECT_EQ(std::ranges::adjacent_find(keys), keys.end()) << tick;
    if (tick >= 400ms) {
      EXPECT_GT(steps, 1U) << tick;
    }
  }
}

}  // namespace
}  // namespace tidings::cli
