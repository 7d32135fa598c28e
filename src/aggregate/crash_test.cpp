// Processes that change aggregates are killed at any moment: what an aggregate says and what is published of it agree.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <thread>

#include "aggregate/testing.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/outbox/relay.hpp"

namespace tidings::aggregate {
namespace {

using shop::Order;

class CrashTest : public StoreTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override { open(GetParam()); }
  [[nodiscard]] Repository<Order> orders() const {
    return event_sourced<Order>({.source = "shop", .tables = tables_, .snapshot_every = 7});
  }
  /// Changes orders until it is killed.
  [[noreturn]] void work(int round) const {
    const auto store = open_store(url_);
    for (int turn = 0; store; ++turn) {
      const auto id = "o-" + std::to_string(turn % 3);
      const auto item = std::to_string(round) + "." + std::to_string(turn);
      const auto changed = orders().change(**store, {id}, [&](Order& order) {
        (void)order.add(item + "a");
        return order.add(item + "b");
      });
      if (changed || changed.error().code != "unknown_aggregate") continue;
      auto order = Order::place({id});
      (void)orders().save(**store, order);
    }
    ::_exit(1);
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, CrashTest, ::testing::Values("sqlite", "postgres", "committed"));

TEST_P(CrashTest, AKillLeavesTheAggregateAndItsEventsOrNeither) {
  constexpr int rounds = 12;
  store_.reset();  // no child has what its parent has open
  for (int round = 0; round < rounds; ++round) {
    const auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) work(round);
    std::this_thread::sleep_for(30ms + round * 7ms);
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << status;
  }
  store_ = open_store(url_).or_throw();
  auto broker = open_broker("memory:").or_throw();
  {
    auto relay = outbox::Relay::start(*store_, *broker, {.tables = tables_}).or_throw();
    for (int wait = 0; wait < 3'000 && count("outbox") > 0; ++wait) std::this_thread::sleep_for(10ms);
  }
  ASSERT_EQ(count("outbox"), 0);
  std::map<std::string, std::vector<std::string>> published;
  auto reader = broker->subscribe("orders", {.group = {}}).or_throw();
  std::size_t all = 0;
  while (true) {
    const auto some = reader->fetch(1'000, 100ms).or_throw();
    if (some.empty()) break;
    for (const auto& one : some)
      if (one.envelope.type == "shop.line-added") {
        published[std::string(one.envelope.key)].push_back(decode_event<shop::LineAdded>(one.envelope).or_throw().item);
        ++all;
      }
  }
  EXPECT_EQ(published.size(), 3U);
  EXPECT_GT(all, 50U);
  auto tx = store_->begin(10s).or_throw();
  for (const auto& [id, items] : published) {
    const auto order = orders().load(*tx, {id}).or_throw();
    EXPECT_EQ(order.state().items, items);
    EXPECT_EQ(items.size() % 2, 0U) << "both of a change, or none";
    EXPECT_EQ(order.version(), items.size() + 1);
  }
  std::printf("%zu events over %d kills\n", all, rounds);
}

}  // namespace
}  // namespace tidings::aggregate
