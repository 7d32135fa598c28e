#include "tidings/broker/in_flight.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace tidings {
namespace {

using namespace std::chrono_literals;
using Answer = InFlight::Answer;

constexpr SteadyTime start{1h};

TEST(InFlight, PositionIsAContiguousPrefix) {
  InFlight flight;
  flight.begin(Offset{5}, 1, 30s);
  for (std::uint64_t offset = 5; offset < 9; ++offset) flight.add(Offset{offset}, start);
  EXPECT_EQ(flight.settle(Offset{6}, 1, Outcome::handled), Answer::done);
  EXPECT_EQ(flight.settle(Offset{8}, 1, Outcome::parked), Answer::done);
  EXPECT_EQ(flight.position(), Offset{5});
  EXPECT_EQ(flight.settled_beyond(), 2u);
  EXPECT_EQ(flight.counts().total(), 0u) << "counters cover what lies before the position, nothing else";
  EXPECT_EQ(flight.settle(Offset{5}, 1, Outcome::expired), Answer::done);
  EXPECT_EQ(flight.position(), Offset{7});
  EXPECT_EQ(flight.counts(), (OutcomeCounts{.handled = 1, .expired = 1}));
  EXPECT_EQ(flight.settle(Offset{7}, 1, Outcome::skipped), Answer::done);
  EXPECT_EQ(flight.position(), Offset{9});
  EXPECT_EQ(flight.counts(), (OutcomeCounts{.handled = 1, .parked = 1, .expired = 1, .skipped = 1}));
  EXPECT_EQ(flight.settled_beyond(), 0u);
}

TEST(InFlight, SettlingTwiceIsHarmless) {
  InFlight flight;
  flight.begin(Offset{0}, 1, 30s);
  flight.add(Offset{0}, start);
  flight.add(Offset{1}, start);
  EXPECT_EQ(flight.settle(Offset{1}, 1, Outcome::handled), Answer::done);
  EXPECT_EQ(flight.settle(Offset{1}, 1, Outcome::parked), Answer::repeated);
  EXPECT_EQ(flight.settle(Offset{0}, 1, Outcome::handled), Answer::done);
  EXPECT_EQ(flight.settle(Offset{0}, 1, Outcome::parked), Answer::repeated);
  EXPECT_EQ(flight.reject(Offset{0}, 1, start), Answer::repeated);
  EXPECT_EQ(flight.counts(), (OutcomeCounts{.handled = 2}));
  EXPECT_FALSE(flight.take_due(start + 1h));
}

TEST(InFlight, RefusesAnotherGenerationAndWhatWasNeverHandedOut) {
  InFlight flight;
  flight.begin(Offset{0}, 7, 30s);
  flight.add(Offset{0}, start);
  EXPECT_EQ(flight.settle(Offset{0}, 6, Outcome::handled), Answer::not_held);
  EXPECT_EQ(flight.reject(Offset{0}, 8, start), Answer::not_held);
  EXPECT_EQ(flight.settle(Offset{1}, 7, Outcome::handled), Answer::not_held);
  EXPECT_EQ(flight.position(), Offset{0});
}

TEST(InFlight, ARejectedOneComesAfterItsDelayWithAHigherAttempt) {
  InFlight flight;
  flight.begin(Offset{0}, 1, 30s);
  flight.add(Offset{0}, start);
  flight.add(Offset{1}, start);
  EXPECT_EQ(flight.reject(Offset{0}, 1, start + 2s), Answer::done);
  EXPECT_EQ(flight.next_due(), start + 2s);
  EXPECT_EQ(flight.in_flight(), 1u);
  EXPECT_EQ(flight.unsettled(), 2u);
  EXPECT_FALSE(flight.take_due(start + 1s));
  const auto due = flight.take_due(start + 2s);
  ASSERT_TRUE(due);
  EXPECT_EQ(due->offset, Offset{0});
  EXPECT_EQ(due->attempt, 2);
  EXPECT_FALSE(flight.take_due(start + 2s));
}

TEST(InFlight, TheSettleDeadlineStartsAnewWithExtend) {
  InFlight flight;
  flight.begin(Offset{0}, 1, 30s);
  flight.add(Offset{0}, start);
  flight.add(Offset{1}, start);
  EXPECT_EQ(flight.extend(Offset{0}, 1, start + 20s), Answer::done);
  EXPECT_EQ(flight.next_due(), start + 30s);
  auto due = flight.take_due(start + 30s);
  ASSERT_TRUE(due);
  EXPECT_EQ(due->offset, Offset{1});
  EXPECT_FALSE(flight.take_due(start + 49s));
  due = flight.take_due(start + 50s);
  ASSERT_TRUE(due);
  EXPECT_EQ(due->offset, Offset{0});
  EXPECT_EQ(due->attempt, 2);
}

TEST(InFlight, NothingNewOnceTooMuchStandsBeyondABlockedEvent) {
  InFlight flight(100);
  flight.begin(Offset{0}, 1, 30s);
  std::uint64_t handed_out = 0;
  while (flight.room() > 0) flight.add(Offset{handed_out++}, start);
  for (std::uint64_t offset = 1; offset < handed_out; ++offset)
    EXPECT_EQ(flight.settle(Offset{offset}, 1, Outcome::handled), Answer::done);
  EXPECT_EQ(flight.settled_beyond(), 100u);
  EXPECT_EQ(flight.room(), 0u);
  EXPECT_EQ(flight.settle(Offset{0}, 1, Outcome::parked), Answer::done);
  EXPECT_EQ(flight.settled_beyond(), 0u);
  EXPECT_EQ(flight.room(), 101u);
  EXPECT_EQ(flight.counts(), (OutcomeCounts{.handled = 100, .parked = 1}));
}

TEST(InFlight, AHandOverKeepsWhatWasSettledAndTheAttempts) {
  InFlight flight;
  flight.begin(Offset{0}, 1, 30s);
  for (std::uint64_t offset = 0; offset < 3; ++offset) flight.add(Offset{offset}, start);
  EXPECT_EQ(flight.settle(Offset{1}, 1, Outcome::handled), Answer::done);
  EXPECT_EQ(flight.reject(Offset{2}, 1, start + 1h), Answer::done);
  flight.hand_over(2, 10s, start + 1s);
  EXPECT_EQ(flight.settle(Offset{0}, 1, Outcome::handled), Answer::not_held);
  for (const std::uint64_t offset : {0u, 2u}) {
    const auto due = flight.take_due(start + 1s);
    ASSERT_TRUE(due);
    EXPECT_EQ(due->offset, Offset{offset});
    EXPECT_EQ(due->attempt, 2);
    EXPECT_EQ(flight.settle(Offset{offset}, 2, Outcome::handled), Answer::done);
  }
  EXPECT_EQ(flight.position(), Offset{3});
}

TEST(InFlight, SkippedRangesCountWhenThePositionPassesThem) {
  InFlight flight;
  flight.begin(Offset{0}, 1, 30s);
  flight.add(Offset{0}, start);
  flight.skip_to(Offset{50});
  flight.add(Offset{50}, start);
  EXPECT_EQ(flight.counts().skipped, 0u);
  EXPECT_EQ(flight.settle(Offset{20}, 1, Outcome::handled), Answer::repeated);
  EXPECT_EQ(flight.settle(Offset{0}, 1, Outcome::handled), Answer::done);
  EXPECT_EQ(flight.position(), Offset{50});
  EXPECT_EQ(flight.counts(), (OutcomeCounts{.handled = 1, .skipped = 49}));
}

TEST(InFlight, AnEndlessTimeToSettleDoesNotOverflow) {
  InFlight flight;
  flight.begin(Offset{0}, 1, Duration::max());
  flight.add(Offset{0}, start);
  EXPECT_FALSE(flight.take_due(start + 1000h));
}

TEST(InFlight, TimeThatSeemsToGoBackKeepsTheOrderOfDeadlines) {
  InFlight flight;
  flight.begin(Offset{0}, 1, 30s);
  flight.add(Offset{0}, start + 5s);
  flight.add(Offset{1}, start);  // a thread that read the clock first, and got the lock second
  EXPECT_EQ(flight.last_deadline(), start + 35s);
  EXPECT_EQ(flight.settle(Offset{0}, 1, Outcome::handled), Answer::done);
  EXPECT_EQ(flight.next_due(), start + 35s);
}

/// The same, as plainly as it can be said.
struct Naive {
  struct Event {
    int attempt = 1;
    bool waiting = false;
    bool settled = false;
    SteadyTime due{};

    Outcome outcome{};
    std::uint64_t events = 1;
  };
  std::map<std::uint64_t, Event> events{};  // everything since begin
  std::set<std::uint64_t> gaps{};           // likewise
  std::uint64_t next = 0;

  void pass_over(std::uint64_t to) {
    for (; next < to; ++next) gaps.insert(next);
  }

  [[nodiscard]] std::uint64_t position() const {
    for (const auto& [offset, event] : events)
      if (!event.settled) return offset;
    return next;
  }
  [[nodiscard]] OutcomeCounts counts() const {
    OutcomeCounts sum;
    for (const auto& [offset, event] : events)
      if (offset < position()) sum.add(event.outcome, event.events);
    sum.gaps = static_cast<std::uint64_t>(std::distance(gaps.begin(), gaps.lower_bound(position())));
    return sum;
  }
  [[nodiscard]] std::uint64_t beyond() const {
    std::uint64_t sum = 0;
    for (const auto& [offset, event] : events)
      if (offset >= position() && event.settled) sum += event.events;
    return sum;
  }
  [[nodiscard]] std::size_t count(bool waiting) const {
    std::size_t sum = 0;
    for (const auto& [offset, event] : events) sum += !event.settled && event.waiting == waiting ? 1 : 0;
    return sum;
  }
  [[nodiscard]] std::set<std::uint64_t> due(SteadyTime now) const {
    std::set<std::uint64_t> offsets;
    for (const auto& [offset, event] : events)
      if (!event.settled && event.due <= now) offsets.insert(offset);
    return offsets;
  }
  [[nodiscard]] std::optional<SteadyTime> last_deadline() const {
    std::optional<SteadyTime> most;
    for (const auto& [offset, event] : events)
      if (!event.settled && !event.waiting && (!most || event.due > *most)) most = event.due;
    return most;
  }
  [[nodiscard]] std::optional<SteadyTime> next_due() const {
    std::optional<SteadyTime> least;
    for (const auto& [offset, event] : events)
      if (!event.settled && (!least || event.due < *least)) least = event.due;
    return least;
  }
};

class InFlightModel : public testing::TestWithParam<unsigned> {};

TEST_P(InFlightModel, AgreesWithTheNaiveOne) {
  std::mt19937_64 random(GetParam());
  const auto below = [&](std::uint64_t bound) { return random() % bound; };
  const bool gaps = GetParam() % 2 == 1;
  constexpr std::size_t beyond_max = 40;
  InFlight flight(beyond_max);
  Naive naive;
  std::uint64_t generation = 1;
  auto within = Duration{50ms};
  auto now = start;
  flight.begin(Offset{below(5)}, generation, within);
  naive.next = flight.position().value;

  for (int step = 0; step < 2000; ++step) {
    SCOPED_TRACE(testing::Message() << "seed " << GetParam() << " step " << step);
    now += std::chrono::milliseconds{below(4)};
    // An offset near the window, known or not.
    const auto low = naive.position() > 3 ? naive.position() - 3 : 0;
    const auto offset = low + below(naive.next - low + 2);
    const auto known = naive.events.find(offset);
    const bool right = below(20) != 0;
    const auto claimed = right ? generation : generation - 1;
    const auto expected = !right || offset >= naive.next                         ? Answer::not_held
                          : known == naive.events.end() || known->second.settled ? Answer::repeated
                                                                                 : Answer::done;
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        if (flight.room() == 0) break;
        if (gaps && below(4) == 0) {
          const auto to = naive.next + below(3);
          flight.pass_over(Offset{to});
          naive.pass_over(to);
        }
        naive.pass_over(naive.next + (gaps ? below(3) : 0));
        naive.events[naive.next] = {.due = now + within};
        flight.add(Offset{naive.next}, now);
        ++naive.next;
        break;
      case 4:
      case 5:
      case 6:
      case 7: {
        const auto outcome = static_cast<Outcome>(below(4));
        ASSERT_EQ(flight.settle(Offset{offset}, claimed, outcome), expected);
        if (expected == Answer::done) known->second.settled = true, known->second.outcome = outcome;
        break;
      }
      case 8: {
        const auto due = now + std::chrono::milliseconds{below(60)};
        ASSERT_EQ(flight.reject(Offset{offset}, claimed, due), expected);
        if (expected == Answer::done) known->second.waiting = true, known->second.due = due;
        break;
      }
      case 9:
        ASSERT_EQ(flight.extend(Offset{offset}, claimed, now), expected);
        if (expected == Answer::done && !known->second.waiting) known->second.due = now + within;
        break;
      case 10: {
        auto due = naive.due(now);
        SteadyTime before = SteadyTime::min();
        while (const auto taken = flight.take_due(now)) {
          ASSERT_EQ(due.erase(taken->offset.value), 1u);
          auto& event = naive.events.at(taken->offset.value);
          ASSERT_LE(before, event.due) << "the earliest first";
          before = event.due;
          ASSERT_EQ(taken->attempt, ++event.attempt);
          event.waiting = false;
          event.due = now + within;
        }
        ASSERT_TRUE(due.empty());
        break;
      }
      default:
        if (below(30) == 0) {
          within = std::chrono::milliseconds{20 + below(60)};
          flight.hand_over(++generation, within, now);
          for (auto& [at, event] : naive.events)
            if (!event.settled) event.waiting = true, event.due = now;
        } else if (below(10) == 0) {
          const auto to = naive.next + 1 + below(9);
          naive.events[naive.next] = {.settled = true, .outcome = Outcome::skipped, .events = to - naive.next};
          naive.next = to;
          flight.skip_to(Offset{to});
        }
    }
    ASSERT_EQ(flight.position().value, naive.position());
    ASSERT_EQ(flight.counts(), naive.counts());
    ASSERT_EQ(flight.settled_beyond(), naive.beyond());
    ASSERT_EQ(flight.in_flight(), naive.count(false));
    ASSERT_EQ(flight.unsettled(), naive.count(false) + naive.count(true));
    ASSERT_EQ(flight.next().value, naive.next);
    ASSERT_EQ(flight.next_due(), naive.next_due());
    ASSERT_EQ(flight.last_deadline(), naive.last_deadline());
    if (naive.events.size() > 100) {  // keeps the naive one quick: both begin anew
      naive = Naive{.next = naive.next};
      flight.begin(Offset{naive.next}, generation, within);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, InFlightModel, testing::Range(1u, 31u));

}  // namespace
}  // namespace tidings
