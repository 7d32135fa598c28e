#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "outbox/testing.hpp"

namespace tidings::outbox {
namespace {

class BelongingTest : public OutboxTest {};
INSTANTIATE_TEST_SUITE_P(Stores, BelongingTest, ::testing::ValuesIn(store_kinds()));

TEST_P(BelongingTest, AnOutboxBelongsToOneNamespace) {
  Relay::start(*store_, *broker_, {.tables = tables_, .name_space = "here"}).or_throw();
  const auto other = Relay::start(*store_, *broker_, {.tables = tables_, .name_space = "there"});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, "other_namespace");
  EXPECT_EQ(other.error().retry, Retry::never);
  EXPECT_NE(other.error().message.find("'here'"), std::string::npos) << other.error().message;
  EXPECT_EQ(Relay::start(*store_, *broker_, {.tables = tables_}).error().code, "other_namespace");
  EXPECT_TRUE(Relay::start(*store_, *broker_, {.tables = tables_, .name_space = "here"}));
}

/// It may have been started while the database was away, and the name may change under it.
TEST_P(BelongingTest, ARelayOfAnotherNamespaceTakesNoParts) {
  options_.name_space = "here";
  auto engine = start(*store_, *broker_, options_);
  EXPECT_EQ(engine->leases().held().size(), 64U);
  auto other = options_;
  other.name_space = "there";
  Engine stranger(*store_, *broker_, other);
  EXPECT_EQ(stranger.beat(10s).error().code, "other_namespace");
  EXPECT_TRUE(stranger.leases().held().empty());
  auto tx = store_->begin(10s).or_throw();
  tx->execute("update " + tables_.name("outbox_identity") + " set name_space = 'there'").or_throw();
  tx->commit().or_throw();
  tx.reset();
  EXPECT_EQ(engine->beat(10s).error().code, "other_namespace");
  EXPECT_TRUE(stranger.beat(10s));
}

TEST_P(BelongingTest, WhileOneIsThereNoneToAnotherPlaceStarts) {
  const auto options = [&](const std::string& place) {
    return RelayOptions{.tables = tables_, .place = place, .lease = 500ms, .log = &log_};
  };
  auto first = Relay::start(*store_, *broker_, options("log:/a")).or_throw();
  EXPECT_TRUE(eventually([&] { return first->status().parts.size() == 64; }));
  const auto second = Relay::start(*store_, *broker_, options("nats"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "other_broker");
  EXPECT_EQ(second.error().retry, Retry::same_call);
  EXPECT_TRUE(Relay::start(*store_, *broker_, options("log:/a"))) << "to the same place";
  EXPECT_TRUE(Relay::start(*store_, *broker_, options(""))) << "nobody knows where";
  first.reset();
  EXPECT_TRUE(Relay::start(*store_, *broker_, options("nats")));
}

TEST_P(BelongingTest, OfRelaysThatCameAtOnceOneGoesOn) {
  const std::array places{"kafka", "nats", "log:/a"};
  std::array<std::unique_ptr<Relay>, 3> relays;
  {
    std::vector<std::jthread> starting;
    for (std::size_t at = 0; at < relays.size(); ++at)
      starting.emplace_back([&, at] {
        auto made =
            Relay::start(*store_, *broker_, {.tables = tables_, .place = places.at(at), .lease = 500ms, .log = &log_});
        if (made)
          relays.at(at) = std::move(*made);
        else
          EXPECT_EQ(made.error().code, "other_broker");
      });
  }
  using State = RelayStatus::State;
  EXPECT_TRUE(eventually([&] {
    std::size_t at_work = 0;
    std::size_t waiting = 0;
    for (const auto& relay : relays) {
      if (relay && relay->state() == State::running && relay->status().parts.size() == 64) ++at_work;
      if (!relay || relay->state() == State::waits_for_other_place) ++waiting;
    }
    return at_work == 1 && waiting == 2;
  }));
}

/// Who is killed on this machine does not hold its parts for a lease.
TEST_P(BelongingTest, OfAProcessThatWasKilledThePartsAreTakenAtOnce) {
  options_.lease = 1h;
  store_.reset();  // a connection is nothing for two processes
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto store = open_again();
    auto engine = start(*store, *broker_, options_);
    ::kill(::getpid(), SIGKILL);
  }
  int ended = 0;
  ::waitpid(pid, &ended, 0);
  ASSERT_TRUE(WIFSIGNALED(ended));
  store_ = open_again();
  EXPECT_EQ(number("select count(*) from @parts where owner is not null"), 64);
  auto relay = Relay::start(*store_, *broker_, options_).or_throw();
  EXPECT_TRUE(eventually([&] { return relay->status().parts.size() == 64; }));
}

}  // namespace
}  // namespace tidings::outbox
