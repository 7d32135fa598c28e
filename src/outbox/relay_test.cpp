#include "tidings/outbox/relay.hpp"

#include <algorithm>
#include <set>

#include "outbox/testing.hpp"

namespace tidings::outbox {
namespace {

class RelayTest : public OutboxTest {
 protected:
  std::unique_ptr<Relay> run(Store& store, Broker& broker) { return Relay::start(store, broker, options_).or_throw(); }
};
INSTANTIATE_TEST_SUITE_P(Stores, RelayTest, ::testing::ValuesIn(store_kinds()));

TEST_P(RelayTest, ItPublishesWhatIsCommittedSoonAfter) {
  options_.poll_shortest = options_.poll_longest = 10s;  // only what wakes it
  auto relay = run(*store_, *broker_);
  ASSERT_TRUE(eventually([&] { return relay->status().parts.size() == 64; }));
  auto reader = broker_->subscribe("orders", {.group = {}}).or_throw();
  std::this_thread::sleep_for(50ms);
  for (int event = 0; event < 20; ++event) {
    put("e" + std::to_string(event), "k");
    const auto some = reader->fetch(1, 5s).or_throw();
    ASSERT_EQ(some.size(), 1U) << "it was not woken by the commit";
    EXPECT_EQ(some[0].envelope.id, "e" + std::to_string(event));
  }
  EXPECT_TRUE(eventually([&] { return relay->status().sent == 20 && backlog() == 0; }));
  EXPECT_EQ(relay->status().state, RelayStatus::State::running);
  relay->stop();
  EXPECT_EQ(relay->status().state, RelayStatus::State::stopped);
  EXPECT_EQ(status(*store_, tables_).or_throw().free_parts.size(), 64U) << "the parts are given back";
  relay->stop();
}

TEST_P(RelayTest, WhatAnotherProcessCommitsIsSeenByLooking) {
  auto relay = run(*store_, *broker_);
  const auto other = open_again();
  auto tx = other->begin(10s).or_throw();
  // Not by enqueue: nothing of this process is told.
  tx->execute(tables_.insert(), part_of("k"), "e0", "orders", "k", "t", 1, 0, std::span<const std::byte>{},
              std::span<const std::byte>{})
      .or_throw();
  tx->commit().or_throw();
  EXPECT_TRUE(eventually([&] { return relay->status().sent == 1; }, 2s));
}

TEST_P(RelayTest, WhatAnotherProcessCommitsIsHeardOfWhereTheDatabaseTells) {
  options_.poll_shortest = options_.poll_longest = 60s;
  options_.listens = true;
  const auto told = apply_notify(*store_, tables_);
  if (is_sqlite()) {
    EXPECT_EQ(told.error().code, "unsupported");
    auto relay = run(*store_, *broker_);
    put("e0", "k");
    EXPECT_TRUE(eventually([&] { return relay->status().sent == 1; })) << "it works all the same";
    return;
  }
  ASSERT_TRUE(told) << to_string(told.error());
  ASSERT_TRUE(apply_notify(*store_, tables_)) << "twice is as once";
  tidings::testing::TcpProxy& proxy = tidings::testing::SharedPostgres::get().proxy();
  const auto behind_it = open_store(tidings::testing::postgres_url(proxy.port())).or_throw();
  auto relay = run(*behind_it, *broker_);
  ASSERT_TRUE(eventually([&] { return relay->status().parts.size() == 64; }));
  std::uint64_t count = 0;
  const auto expect_heard = [&](const char* when) {
    auto tx = store_->begin(10s).or_throw();
    // Not by enqueue: nothing of this process is told.
    tx->execute(tables_.insert(), part_of("k"), "e" + std::to_string(count), "orders", "k", "t", 1, 0,
                std::span<const std::byte>{}, std::span<const std::byte>{})
        .or_throw();
    tx->commit().or_throw();
    ++count;
    EXPECT_TRUE(eventually([&] { return relay->status().sent == count; })) << when;
  };
  expect_heard("from the first on");
  expect_heard("and then");
  proxy.cut();
  expect_heard("once it has connected again");
}

/// As a lock does that somebody holds for long, or a server that hangs.
TEST_P(RelayTest, WhoIsNotAnsweredSaysSoAndStopsInTime) {
  if (is_sqlite()) GTEST_SKIP() << "one writer at a time: its turn is waited for";
  auto relay = run(*store_, *broker_);
  ASSERT_TRUE(eventually([&] { return relay->status().parts.size() == 64; }));
  const auto holder = open_again();
  auto lock = holder->begin(10s).or_throw();
  lock->execute("lock table " + tables_.name("outbox_parts") + " in access exclusive mode").or_throw();
  EXPECT_TRUE(eventually([&] { return relay->status().state == RelayStatus::State::waits_for_database; }));
  std::atomic<bool> has_stopped = false;
  std::jthread stopping([&] {
    relay->stop();
    has_stopped = true;
  });
  EXPECT_TRUE(eventually([&] { return has_stopped.load(); }, 60s)) << "while the lock is held";
  lock.reset();
}

/// A sequence that was never used says the same as one that has given its first number.
TEST_P(RelayTest, TheVeryFirstEventIsNotPassedOver) {
  auto relay = run(*store_, *broker_);
  ASSERT_TRUE(eventually([&] { return relay->status().parts.size() == 64; }));
  std::this_thread::sleep_for(400ms);  // it has looked what there is
  Ids expected;
  for (int event = 0; event < 3; ++event) {
    expected.push_back("e" + std::to_string(event));
    put(expected.back(), "k");
    std::this_thread::sleep_for(30ms);
  }
  EXPECT_TRUE(eventually([&] { return relay->status().sent == 3; }));
  EXPECT_EQ(published(), expected);
}

/// What is put in through a handle of a program's own is announced, and not yet committed.
TEST_P(RelayTest, WhatIsAnnouncedIsLookedForOften) {
  options_.poll_shortest = options_.poll_longest = 10s;
  auto relay = run(*store_, *broker_);
  ASSERT_TRUE(eventually([&] { return relay->status().parts.size() == 64; }));
  std::this_thread::sleep_for(50ms);  // it waits
  auto tx = store_->begin(10s).or_throw();
  tx->execute(tables_.insert(), part_of("k"), "e0", "orders", "k", "t", 1, 0, std::span<const std::byte>{},
              std::span<const std::byte>{})
      .or_throw();
  detail::expect_commit(tables_);
  std::this_thread::sleep_for(20ms);
  tx->commit().or_throw();
  EXPECT_TRUE(eventually([&] { return relay->status().sent == 1; }, 5s));
}

/// Relays come, go, and die under load; whoever has a part, each event is there once and each key in order.
TEST_P(RelayTest, SeveralShareTheWorkAndNothingIsLostOrTwiceOrOutOfOrder) {
  constexpr int keys = 20;
  constexpr int writers = 2;
  constexpr int events = 400;  // of each writer
  options_.lease = 2s;         // a machine that is busy takes a part from nobody
  std::vector<std::unique_ptr<Store>> stores;
  std::vector<std::unique_ptr<Relay>> relays;
  for (int number = 0; number < 3; ++number) {
    stores.push_back(open_again());
    relays.push_back(run(*stores.back(), *broker_));
  }
  {
    std::vector<std::jthread> threads;
    for (int writer = 0; writer < writers; ++writer)
      threads.emplace_back([&, writer] {
        for (int event = 0; event < events; ++event) {
          const auto key = std::to_string(writer) + "-" + std::to_string(event % keys);
          put(std::to_string(writer) + ":" + std::to_string(event), key);
        }
      });
    for (int change = 0; change < 4; ++change) {
      std::this_thread::sleep_for(100ms);
      relays.erase(relays.begin());
      relays.push_back(run(*stores[static_cast<std::size_t>(change % 3)], *broker_));
    }
  }
  EXPECT_TRUE(eventually([&] { return backlog() == 0; }));
  const auto all = published();
  EXPECT_EQ(all.size(), std::size_t{writers * events});
  std::map<std::string, int> last;
  for (const auto& id : all) {
    const auto writer = id.substr(0, id.find(':'));
    const int event = std::stoi(id.substr(id.find(':') + 1));
    const auto key = writer + "-" + std::to_string(event % keys);
    if (last.contains(key)) {
      EXPECT_GT(event, last[key]) << key;
    }
    last[key] = event;
  }
  for (const auto& relay : relays) EXPECT_EQ(relay->status().fenced, 0U);
}

TEST_P(RelayTest, ItWaitsForABrokerAndADatabaseThatAreAwaySaysSoAndGoesOn) {
  SteeredBroker broker(*broker_);
  std::atomic<bool> is_away = true;
  broker.before = [&](auto, auto) -> Result<> {
    if (is_away) return Error{"unreachable", "the server is away", Retry::same_call};
    return {};
  };
  StoreThatMayBeAway store(*store_);
  auto relay = run(store, broker);
  for (int event = 0; event < 10; ++event) put("e" + std::to_string(event), "k");
  EXPECT_TRUE(eventually([&] { return relay->status().state == RelayStatus::State::waits_for_broker; }));
  EXPECT_EQ(relay->status().trouble->code, "unreachable");
  EXPECT_TRUE(eventually([&] { return log_.text().find("waits for the broker") != std::string::npos; }));
  is_away = false;
  EXPECT_TRUE(eventually([&] { return relay->status().sent == 10; }));
  EXPECT_TRUE(eventually([&] { return relay->status().state == RelayStatus::State::running; }));
  EXPECT_EQ(relay->status().failed, 0U) << "a broker that is away parks nothing";
  store.is_away = true;
  EXPECT_TRUE(eventually([&] { return relay->status().state == RelayStatus::State::waits_for_database; }));
  put("e10", "k");
  store.is_away = false;
  EXPECT_TRUE(eventually([&] { return relay->status().sent == 11; }));
  EXPECT_NE(log_.text().find("goes on"), std::string::npos);
  EXPECT_EQ(published().size(), 11U);
}

TEST_P(RelayTest, WrongOptionsAreRefused) {
  const auto code = [&](auto&& change) {
    auto options = options_;
    change(options);
    return Relay::start(*store_, *broker_, options).error().code;
  };
  EXPECT_EQ(code([](auto& o) { o.batch_max = 0; }), "invalid_options");
  EXPECT_EQ(code([](auto& o) { o.lease = 1ms; }), "invalid_options");
  EXPECT_EQ(code([](auto& o) { o.poll_longest = 0ms; }), "invalid_options");
  EXPECT_EQ(code([](auto& o) { o.attempts_max = 0; }), "invalid_options");
  EXPECT_EQ(code([](auto& o) { o.name_space = "a b"; }), "invalid_name");
}

TEST_P(RelayTest, TopicsStandInANamespaceWhereOneIsNamed) {
  options_.name_space = "test";
  auto relay = run(*store_, *broker_);
  put("e0", "k");
  EXPECT_TRUE(eventually([&] { return published("test.orders").size() == 1; }));
}

/// Over a broker in memory, which has publishers of its own, and many parts at once.
TEST_P(RelayTest, ManyPartsAreOnTheirWayTogether) {
  auto memory = open_broker("memory:").or_throw();
  memory->create_topic("orders", {.partitions = 5}).or_throw();
  auto relay = run(*store_, *memory);
  for (int round = 0; round < 3; ++round) {
    auto tx = store_->begin(10s).or_throw();
    for (int event = 0; event < 500; ++event)
      put(*tx, std::to_string(round) + ":" + std::to_string(event), "k" + std::to_string(event % 100));
    tx->commit().or_throw();
  }
  EXPECT_TRUE(eventually([&] { return relay->status().sent == 1500; }));
  auto reader = memory->subscribe("orders", {.group = {}}).or_throw();
  std::set<std::string> ids;
  std::map<std::string, std::pair<int, int>> last;
  std::size_t count = 0;
  while (count < 1500) {
    const auto some = reader->fetch(1000, 1s).or_throw();
    ASSERT_FALSE(some.empty());
    for (const auto& one : some) {
      ++count;
      ids.emplace(one.envelope.id);
      const std::string id(one.envelope.id);
      const std::pair now{std::stoi(id), std::stoi(id.substr(id.find(':') + 1))};
      auto& before = last[std::string(one.envelope.key)];
      EXPECT_TRUE(before <= now);
      before = now;
    }
  }
  EXPECT_EQ(ids.size(), 1500U);
}

}  // namespace
}  // namespace tidings::outbox
