#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "tidings/base/clock.hpp"
#include "tidings/base/key_hash.hpp"
#include "tidings/base/uuid.hpp"

namespace tidings {
namespace {

// The published vectors of XXH64 with seed 0: partitions chosen by an older release must stay theirs.
TEST(KeyHash, IsFrozen) {
  EXPECT_EQ(key_hash(""), 0xef46db3751d8e999U);
  EXPECT_EQ(key_hash("a"), 0xd24ec4f1a98c6e5bU);
  EXPECT_EQ(key_hash("abc"), 0x44bc2cf5ad770999U);
}

// A copy would have gone its own way, or, as it once did, freed what its original still used.
static_assert(!std::is_copy_constructible_v<ManualClock> && !std::is_copy_assignable_v<ManualClock>);

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock(TimePoint{std::chrono::seconds{5}});
  EXPECT_EQ(clock.now(), TimePoint{std::chrono::seconds{5}});
  const auto before = clock.steady_now();
  clock.advance(std::chrono::milliseconds{1'500});
  EXPECT_EQ(clock.now(), TimePoint{std::chrono::milliseconds{6'500}});
  EXPECT_EQ(clock.steady_now() - before, std::chrono::milliseconds{1'500});
}

TEST(Uuid, HasVersionVariantAndTime) {
  ManualClock clock(TimePoint{std::chrono::milliseconds{0x017f22e279b0}});
  SeededEntropy entropy(1);
  const auto text = make_uuid_v7(clock, entropy).to_string();
  EXPECT_EQ(text.substr(0, 13), "017f22e2-79b0");
  EXPECT_EQ(text[14], '7');
  EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);
  EXPECT_EQ(Uuid::parse(text)->to_string(), text);
}

TEST(Uuid, AscendsAlsoWhenTheClockStands) {
  ManualClock clock;
  auto before = make_uuid_v7(clock);
  for (int i = 0; i < 10'000; ++i) {
    const auto next = make_uuid_v7(clock);
    ASSERT_LT(before, next);
    before = next;
  }
}

TEST(Uuid, ThreadsNeverShareOne) {
  std::vector<Uuid> made[4];
  {
    std::vector<std::jthread> threads;
    for (auto& mine : made)
      threads.emplace_back([&mine] {
        for (int i = 0; i < 5'000; ++i) mine.push_back(make_uuid_v7());
      });
  }
  std::set<Uuid> all;
  for (const auto& mine : made) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 20'000U);
}

TEST(Uuid, RefusesWhatIsNone) {
  for (const auto* text : {"", "017f22e2-79b0-7cc3-98c4-dc0c0c07398", "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
                           "017f22e2079b0-7cc3-98c4-dc0c0c07398f"})
    EXPECT_FALSE(Uuid::parse(text)) << text;
}

TEST(Entropy, SeededIsFrozen) {
  SeededEntropy entropy(0);
  EXPECT_EQ(entropy.next(), 0xe220a8397b1dcdafU);  // splitmix64's first output for seed 0
}

TEST(Entropy, BelowStaysBelow) {
  SeededEntropy entropy(3);
  EXPECT_EQ(entropy.below(0), 0U);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) seen.insert(entropy.below(7));
  EXPECT_EQ(seen.size(), 7U);
  EXPECT_EQ(*seen.rbegin(), 6U);
}

}  // namespace
}  // namespace tidings
