#include "tidings/service/service.hpp"

#include <random>
#include <set>

#include "service/testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;
using ::testing::Test;

const Backoff quick{.immediate = 2, .delayed = 3, .first = 1ms, .longest = 2ms};

TEST_F(ServiceTest, handles_what_is_published) {
  Record<std::string> seen;
  auto& service = make();
  service.on("take", {}, [&](const Order& order) { seen.add(order.id); });
  start();
  ASSERT_TRUE(service.publish(Order{"a", 1}));
  ASSERT_TRUE(service.publish_all(std::vector{Order{"b", 2}, Order{"c", 3}}));
  ASSERT_TRUE(seen.wait(3)) << lines_.all();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  EXPECT_EQ(stop(), 0);
  EXPECT_EQ(group("orders", "test.take").handled, 3U);
}

TEST_F(ServiceTest, takes_every_shape_of_handler) {
  struct Inventory {
    Record<std::string> seen;
    Result<> reserve(const Order& order, Context& context) {
      seen.add(order.id + "@" + std::string(context.place().topic));
      return {};
    }
  } inventory;
  struct Both {
    Record<std::string>* seen;
    void operator()(const Order& order) const { seen->add("order " + order.id); }
    void operator()(const Cancelled& cancelled, Context&) const { seen->add("cancelled " + cancelled.id); }
  };
  Record<std::string> both;
  Record<std::size_t> batches;
  auto& service = make();
  service.on("member", {}, &Inventory::reserve, &inventory)
      .on<Order, Cancelled>("both", {}, Both{&both})
      .on("batch", {}, [&](const Batch<Order, Cancelled>& batch) -> Result<> {
        for (const auto& item : batch) EXPECT_EQ(item.context.envelope().key, "a");
        batches.add(batch.size());
        return {};
      });
  publish(Order{"a", 1});
  publish(Cancelled{"a"});
  start();
  ASSERT_TRUE(inventory.seen.wait(1));
  ASSERT_TRUE(both.wait(2));
  ASSERT_TRUE(caught_up("orders", "test.batch"));
  ASSERT_TRUE(caught_up("orders", "test.member"));
  EXPECT_EQ(inventory.seen.values(), std::vector<std::string>{"a@orders"});
  EXPECT_EQ(both.values(), (std::vector<std::string>{"order a", "cancelled a"}));
  EXPECT_EQ(batches.values(), std::vector<std::size_t>{2});
  EXPECT_EQ(service.stats("member")->ignored, 1U);
  EXPECT_EQ(service.stats("both")->ignored, 0U);
}

TEST_F(ServiceTest, keeps_the_order_of_a_key_over_failures_and_lanes) {
  constexpr std::int64_t events = 400;
  constexpr int keys = 7;
  std::mutex mutex;
  std::mt19937 random(7);
  std::map<std::string, std::vector<std::int64_t>> handled;
  std::map<std::string, int> inside;
  for (std::int64_t number = 0; number < events; ++number) publish(Order{"k" + std::to_string(number % keys), number});
  auto& service = make();
  service.on("take", {.concurrency = 8, .retry = {.immediate = 5, .delayed = 50, .first = 1ms, .longest = 2ms}},
             [&](const Order& order) -> Result<> {
               bool fails = false;
               {
                 const std::scoped_lock lock(mutex);
                 EXPECT_EQ(inside[order.id]++, 0) << "two events of " << order.id << " at once";
                 fails = random() % 4 == 0;
               }
               std::this_thread::yield();
               const std::scoped_lock lock(mutex);
               --inside[order.id];
               if (fails) return Error{"away", "try again", Retry::same_call};
               handled[order.id].push_back(order.number);
               return {};
             });
  start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  stop();
  std::size_t sum = 0;
  for (const auto& [key, numbers] : handled) {
    EXPECT_TRUE(std::ranges::is_sorted(numbers)) << key;
    sum += numbers.size();
  }
  EXPECT_EQ(sum, static_cast<std::size_t>(events));
  EXPECT_GT(service.stats("take")->failed, 50U);
}

TEST_F(ServiceTest, parks_after_the_last_attempt_with_its_reason) {
  Record<int> attempts;
  auto& service = make();
  service.on("take", {.retry = quick}, [&](const Order&, Context& context) -> Result<> {
    attempts.add(context.attempt());
    return Error{"away", "the database\nis away", Retry::same_call};
  });
  const auto sent = make_envelope(Order{"a", 1}, {.source = "elsewhere"}).or_throw();
  publish_raw("orders", sent);
  start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  stop();
  EXPECT_EQ(attempts.values(), (std::vector{1, 2, 3, 4, 5, 6}));
  const auto dead = read("test.take.dead-letters");
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].id, sent.id);
  EXPECT_EQ(dead[0].key, "a");
  EXPECT_EQ(dead[0].payload, sent.payload);
  EXPECT_EQ(dead[0].time, sent.time);
  EXPECT_EQ(dead[0].headers.get(dead_letter::reason), "the database\\x0Ais away");
  EXPECT_EQ(dead[0].headers.get(dead_letter::code), "away");
  EXPECT_EQ(dead[0].headers.get(dead_letter::attempts), "6");
  EXPECT_EQ(dead[0].headers.get(dead_letter::topic), "orders");
  EXPECT_EQ(dead[0].headers.get(dead_letter::partition), "0");
  EXPECT_EQ(dead[0].headers.get(dead_letter::offset), "0");
  EXPECT_EQ(dead[0].headers.get(dead_letter::group), "test.take");
  EXPECT_TRUE(parse_rfc3339(*dead[0].headers.get(dead_letter::time)));
  EXPECT_EQ(group("orders", "test.take").parked, 1U);
}

}  // namespace
}  // namespace tidings::service
