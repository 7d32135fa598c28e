#include "service/lanes.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "service/source.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime start{1h};

class LanesTest : public ::testing::Test {
 protected:
  Task& add(Lanes& lanes, std::uint64_t key, bool keyed = true) {
    auto& task = lanes.make();
    task.source = &source_;
    task.key = key;
    task.keyed = keyed;
    task.delivery.id.offset = Offset{next_++};
    lanes.add(task);
    return task;
  }
  static void finish(Lanes& lanes, Lanes::Turn turn) {
    for (auto* task = turn.first; task != nullptr;) lanes.recycle(*std::exchange(task, task->next));
    turn.first = nullptr;
    lanes.give_back(turn, std::nullopt);
  }
  static std::vector<std::uint64_t> offsets(const Lanes::Turn& turn) {
    std::vector<std::uint64_t> all;
    for (auto* task = turn.first; task != nullptr; task = task->next) all.push_back(task->delivery.id.offset.value);
    return all;
  }
  using Offsets = std::vector<std::uint64_t>;

  Source source_;
  std::uint64_t next_ = 0;
};

TEST_F(LanesTest, gives_one_event_of_a_key_at_a_time) {
  Lanes lanes(16, 1);
  add(lanes, 1);
  add(lanes, 1);
  add(lanes, 2);
  const auto first = lanes.take();
  const auto second = lanes.take();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(offsets(*first), Offsets{0});
  EXPECT_EQ(offsets(*second), Offsets{2});
  EXPECT_FALSE(lanes.take()) << "the second event of key 1 waits for the first";
  finish(lanes, *first);
  EXPECT_EQ(offsets(*lanes.take()), Offsets{1});
}

TEST_F(LanesTest, mixes_keys_each_in_its_order) {
  Lanes lanes(16, 5, {}, true);
  for (const std::uint64_t key : {1, 2, 1, 3, 2, 4}) add(lanes, key);
  const auto turn = lanes.take(4);
  ASSERT_TRUE(turn);
  EXPECT_EQ(offsets(*turn), (Offsets{0, 2, 1, 4})) << "keys in the order of the line, no more than asked for";
  EXPECT_EQ(turn->size, 4U);
  EXPECT_EQ(lanes.ready(), 2U);
  add(lanes, 1);
  EXPECT_EQ(offsets(*lanes.take()), (Offsets{3, 5})) << "key 1 is in hand";
  EXPECT_FALSE(lanes.take());
  finish(lanes, *turn);
  EXPECT_EQ(offsets(*lanes.take()), Offsets{6});
}

TEST_F(LanesTest, what_a_mixed_turn_leaves_goes_back_to_its_keys) {
  Lanes lanes(16, 10, {}, true);
  for (const std::uint64_t key : {1, 2, 3, 1, 2}) add(lanes, key);
  auto turn = *lanes.take();
  ASSERT_EQ(offsets(turn), (Offsets{0, 3, 1, 4, 2}));
  add(lanes, 2);
  // Of key 1 all are done with; of key 2 the first has failed; of key 3 none is done with. In another order.
  auto* const third = turn.first->next->next->next->next;
  auto* const second = turn.first->next->next;
  lanes.recycle(*turn.first->next);
  lanes.recycle(*turn.first);
  second->alone = true;
  second->next->next = nullptr;
  third->next = second;
  turn.first = third;
  lanes.give_back(turn, std::nullopt);
  EXPECT_EQ(lanes.ready(), 2U) << "key 1 has nothing";
  EXPECT_EQ(offsets(*lanes.take()), Offsets{1}) << "it comes alone";
  const auto other = *lanes.take();
  EXPECT_EQ(offsets(other), Offsets{2});
  EXPECT_FALSE(lanes.take());
  lanes.give_back(other, start + 5s);
  EXPECT_EQ(lanes.next_due(), start + 5s);
}

TEST_F(LanesTest, a_mixed_turn_is_of_one_topic_and_of_nothing_that_comes_alone) {
  Lanes lanes(16, 10, {}, true);
  Source another;
  add(lanes, 1);
  add(lanes, 2).source = &another;
  add(lanes, 3).alone = true;
  add(lanes, 4);
  add(lanes, 1).source = &another;
  add(lanes, 0, false);
  const auto turn = *lanes.take();
  EXPECT_EQ(offsets(turn), (Offsets{0, 3})) << "the others keep their places";
  EXPECT_EQ(offsets(*lanes.take()), Offsets{1});
  EXPECT_EQ(offsets(*lanes.take()), Offsets{2});
  EXPECT_EQ(offsets(*lanes.take()), Offsets{5});
  EXPECT_FALSE(lanes.take());
  add(lanes, 7);
  finish(lanes, turn);
  EXPECT_EQ(offsets(*lanes.take()), Offsets{6});
  EXPECT_EQ(offsets(*lanes.take()), Offsets{4});
}

TEST_F(LanesTest, events_without_a_key_are_independent) {
  Lanes lanes(16, 1);
  for (int event = 0; event < 3; ++event) add(lanes, 0, false);
  EXPECT_EQ(lanes.ready(), 3U);
  EXPECT_TRUE(lanes.take() && lanes.take() && lanes.take());
}

TEST_F(LanesTest, a_key_that_waits_holds_back_only_itself) {
  Lanes lanes(16, 1);
  add(lanes, 1);
  add(lanes, 2);
  lanes.give_back(*lanes.take(), start + 5s);
  add(lanes, 1);
  EXPECT_EQ(offsets(*lanes.take()), Offsets{1});
  EXPECT_FALSE(lanes.take());
  EXPECT_EQ(lanes.next_due(), start + 5s);
  lanes.wake(start + 4s);
  EXPECT_FALSE(lanes.take());
  lanes.wake(start + 5s);
  const auto again = lanes.take();
  EXPECT_EQ(offsets(*again), Offsets{0}) << "before the event that came later";
}

TEST_F(LanesTest, wakes_in_the_order_of_time) {
  Lanes lanes(16, 1);
  for (const std::uint64_t key : {1U, 2U, 3U}) add(lanes, key);
  const auto first = *lanes.take();
  const auto second = *lanes.take();
  const auto third = *lanes.take();
  lanes.give_back(first, start + 3s);
  lanes.give_back(second, start + 1s);
  lanes.give_back(third, start + 2s);
  EXPECT_EQ(lanes.next_due(), start + 1s);
  lanes.wake(start + 3s);
  EXPECT_EQ(offsets(*lanes.take()), Offsets{1});
  EXPECT_EQ(offsets(*lanes.take()), Offsets{2});
  EXPECT_EQ(offsets(*lanes.take()), Offsets{0});
}

TEST_F(LanesTest, a_batch_ends_at_what_comes_alone) {
  Lanes lanes(16, 3);
  for (int event = 0; event < 8; ++event) add(lanes, 1).alone = event == 4;
  Offsets sizes;
  while (auto turn = lanes.take()) {
    sizes.push_back(turn->size);
    finish(lanes, *turn);
  }
  EXPECT_EQ(sizes, (Offsets{3, 1, 1, 3}));
}

TEST_F(LanesTest, what_shares_publications_stays_together) {
  Lanes lanes(16, 3);
  for (int event = 0; event < 5; ++event) add(lanes, 1);
  auto turn = *lanes.take();
  ASSERT_EQ(turn.size, 3U);
  turn.first->together = 2;
  for (auto* task = turn.first; task != nullptr; task = task->next) task->stage = Task::Stage::publish;
  lanes.give_back(turn, start);
  lanes.wake(start);
  EXPECT_EQ(offsets(*lanes.take()), (Offsets{0, 1}));
}

TEST_F(LanesTest, a_batch_waits_to_be_full_until_its_time_is_over) {
  Lanes lanes(16, 3, 5s);
  add(lanes, 1).arrived = start;
  EXPECT_EQ(lanes.next_size(start), 0U);
  EXPECT_FALSE(lanes.take(10, start));
  EXPECT_EQ(lanes.next_due(), start + 5s);
  add(lanes, 1).arrived = start;
  lanes.wake(start + 5s);
  EXPECT_EQ(lanes.next_size(start + 5s), 2U);
  EXPECT_EQ(offsets(*lanes.take(10, start + 5s)), (Offsets{0, 1}));
}

TEST_F(LanesTest, a_batch_does_not_wait_for_more_than_can_be_in_flight) {
  Lanes lanes(4, 3, 5s);
  const auto fetch = [&](std::uint64_t partition) {
    for (int event = 0; event < 2; ++event) add(lanes, partition).arrived = start;
    source_.held += 2;
  };
  fetch(1);
  EXPECT_EQ(lanes.next_size(start), 0U);
  fetch(2);
  ASSERT_EQ(lanes.next_size(start), 2U) << "the topic gives no more";
  EXPECT_EQ(offsets(*lanes.take(10, start)), (Offsets{2, 3}));
  EXPECT_FALSE(lanes.take(10, start)) << "it gathers";
  lanes.stop_gathering();
  const auto turn = lanes.take(10, start);
  ASSERT_TRUE(turn);
  EXPECT_EQ(offsets(*turn), (Offsets{0, 1}));
  EXPECT_FALSE(lanes.next_due());
  add(lanes, 1).arrived = start;
  finish(lanes, *turn);
  source_.handled.resize(2);
  EXPECT_FALSE(lanes.take(10, start)) << "two are settled in a moment, and more may come then";
}

TEST_F(LanesTest, keeps_order_whatever_happens) {
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U}) {
    std::mt19937_64 random(seed);
    Lanes lanes(16, 4);
    std::map<std::uint64_t, std::uint64_t> done;  // by key: the last offset
    std::map<const Task*, std::uint64_t> key_of;
    std::vector<Lanes::Turn> taken;
    std::size_t open = 0;
    std::size_t finished = 0;
    auto now = start;
    for (int step = 0; step < 20'000; ++step) {
      switch (random() % 4) {
        case 0:
          if (open++ < 200)
            add(lanes, random() % 23);
          else
            --open;
          break;
        case 1:
          if (auto turn = lanes.take()) taken.push_back(*turn);
          break;
        case 2: {
          if (taken.empty()) break;
          auto at = taken.begin() + static_cast<std::ptrdiff_t>(random() % taken.size());
          auto turn = *at;
          taken.erase(at);
          for (auto done_with = random() % (turn.size + 1); done_with > 0; --done_with) {
            auto* task = turn.first;
            turn.first = task->next;
            auto& last = done[task->key];
            EXPECT_LE(last, task->delivery.id.offset.value);
            last = task->delivery.id.offset.value + 1;
            lanes.recycle(*task);
            --open, ++finished;
          }
          lanes.give_back(turn,
                          random() % 2 == 0 ? std::optional(now + std::chrono::seconds{random() % 50}) : std::nullopt);
          break;
        }
        default:
          lanes.wake(now += 1s);
      }
    }
    EXPECT_GT(finished, 1000U);
  }
}

}  // namespace
}  // namespace tidings::service
