#include <csignal>
#include <cstdlib>
#include <iostream>
#include <map>
#include <set>
#include <thread>

#include "brokers/nats/api.hpp"
#include "brokers/nats/names.hpp"
#include "brokers/nats/testing.hpp"
#include "testing/servers/tcp_proxy.hpp"
#include "tidings/base/clock.hpp"

namespace tidings::brokers::nats {
namespace {

using namespace std::chrono_literals;
using tidings::testing::ServerProcess;
using tidings::testing::ServerSpec;

/// What a member in a process of its own does: it takes three events, says so, and settles them when it is told to.
TEST(MemberProcess, DISABLED_TakesAndSettlesLater) {
  const auto* url = std::getenv("TIDINGS_TEST_URL");
  const auto* go = std::getenv("TIDINGS_TEST_GO");
  if (url == nullptr || go == nullptr) GTEST_SKIP() << "run by the other tests";
  auto broker = open_broker(url);
  ASSERT_TRUE(broker) << to_string(broker.error());
  const auto group = join(**broker, "orders");
  const auto got = take(*group, 3);
  std::cout << "holds " << got.size() << "\n" << std::flush;
  while (::access(go, F_OK) != 0) std::this_thread::sleep_for(5ms);
  const auto settled = group->settle(ids_of(got));
  std::cout << "settled: " << (settled ? "fine" : settled.error().code) << "\n" << std::flush;
  std::this_thread::sleep_for(60s);
}

class Groups : public NatsTest {
 protected:
  static constexpr auto lease = "?lease=1s";

  /// Starts that process, and waits until it holds the events.
  std::unique_ptr<ServerProcess> start_member() {
    go_ = server->folder() + "/go";
    ::setenv("TIDINGS_TEST_URL", at({}, lease).c_str(), 1);
    ::setenv("TIDINGS_TEST_GO", go_.c_str(), 1);
    ServerSpec spec;
    spec.name = "member";
    spec.program = "/proc/self/exe";
    spec.arguments = {"--gtest_filter=MemberProcess.*", "--gtest_also_run_disabled_tests"};
    spec.ready_when_port_accepts = false;
    spec.ready_line = "holds 3";
    auto started = ServerProcess::start(spec);
    if (!started) throw std::runtime_error(to_string(started.error()));
    return std::move(*started);
  }
  void let_it_settle() const { std::ofstream(go_) << "go"; }
  static bool writes(const ServerProcess& process, const std::string& line) {
    for (int round = 0; round < 4000; ++round) {
      if (process.output().find(line) != std::string::npos) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
  GroupPartitionInfo place_of(Broker& broker) { return broker.groups("orders")->at(0).partitions.at(0); }

 private:
  std::string go_;
};

TEST_F(Groups, AMemberThatWasStoppedBeyondItsLeaseHasNoSayAnyMore) {
  const auto broker = open(lease);
  ASSERT_TRUE(publish(*broker, "orders", {event("a"), event("b"), event("c")}));
  const auto member = start_member();
  member->stop();
  const auto heir = join(*broker, "orders");
  const auto got = take(*heir, 3);
  ASSERT_TRUE(heir->settle({ids_of(got).data(), 1}));
  let_it_settle();
  member->resume();
  EXPECT_TRUE(writes(*member, "settled: not_owner")) << member->output();
  EXPECT_EQ(place_of(*broker).position, Offset{1}) << "who had lost the partition moved its position";
  EXPECT_EQ(place_of(*broker).handled, 1U);
  EXPECT_TRUE(heir->settle(ids_of(got)));
  EXPECT_EQ(place_of(*broker).position, Offset{3});
}

TEST_F(Groups, AMemberThatIsStoppedWithinItsLeaseGoesOn) {
  const auto broker = open("?lease=30s");
  ASSERT_TRUE(publish(*broker, "orders", {event("a"), event("b"), event("c")}));
  const auto member = start_member();
  member->stop();
  std::this_thread::sleep_for(300ms);
  let_it_settle();
  member->resume();
  EXPECT_TRUE(writes(*member, "settled: fine")) << member->output();
  EXPECT_EQ(place_of(*broker).position, Offset{3});
}

TEST_F(Groups, AMemberThatDiesIsFollowedAfterItsLeaseAndSeekWaitsForThat) {
  const auto broker = open(lease);
  ASSERT_TRUE(publish(*broker, "orders", {event("a"), event("b"), event("c")}));
  const auto member = start_member();
  EXPECT_EQ(broker->seek("orders", "group", Start::latest()).error().code, "group_active");
  EXPECT_EQ(broker->delete_group("orders", "group").error().code, "group_active");
  member->kill();
  auto moved = broker->seek("orders", "group", Start::offset(Offset{1}));
  for (int round = 0; !moved && moved.error().code == "group_active" && round < 100; ++round) {
    std::this_thread::sleep_for(50ms);
    moved = broker->seek("orders", "group", Start::offset(Offset{1}));
  }
  ASSERT_TRUE(moved) << to_string(moved.error());
  EXPECT_EQ(names_of(take(*join(*broker, "orders"), 2)), (std::vector<std::string>{"b", "c"}));
}

/// An hour before or behind the server, whoever asks sees who lives.
TEST_F(Groups, WhoLivesDoesNotGoByTheClockOfWhoAsks) {
  const auto broker = open(lease);
  ASSERT_TRUE(publish(*broker, "orders", {event("a"), event("b"), event("c")}));
  const auto member = start_member();
  ManualClock early(system_clock().now() - 1h);
  ManualClock late(system_clock().now() + 1h);
  for (auto* clock : {&early, &late}) {
    auto how = options();
    how.clock = clock;
    const auto asker = open_broker(at({}, lease), how);
    ASSERT_TRUE(asker) << to_string(asker.error());
    EXPECT_TRUE(place_of(**asker).owned) << (clock == &early ? "early" : "late");
  }
  member->kill();
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (place_of(*broker).owned && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(100ms);
  for (auto* clock : {&early, &late}) {
    auto how = options();
    how.clock = clock;
    const auto asker = open_broker(at({}, lease), how);
    ASSERT_TRUE(asker) << to_string(asker.error());
    EXPECT_FALSE(place_of(**asker).owned) << (clock == &early ? "early" : "late");
  }
}

TEST_F(Groups, AMemberWithoutAConnectionLosesItsPartitionsAndComesBack) {
  auto proxy = tidings::testing::TcpProxy::start(server->port());
  ASSERT_TRUE(proxy);
  auto cut_off = try_open("nats://127.0.0.1:" + std::to_string((*proxy)->port()) + lease);
  ASSERT_TRUE(cut_off);
  const auto broker = open(lease);
  ASSERT_TRUE(publish(*broker, "orders", {event("a"), event("b"), event("c")}));
  const auto member = join(**cut_off, "orders");
  const auto held = take(*member, 3);
  (*proxy)->refuse(true);
  const auto heir = join(*broker, "orders");
  const auto got = take(*heir, 3);
  EXPECT_TRUE(heir->settle({ids_of(got).data(), 2}));
  (*proxy)->refuse(false);
  const auto late = member->settle(ids_of(held));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "not_owner") << to_string(late.error());
  EXPECT_EQ(place_of(*broker).position, Offset{2});
  // It is a member again, and gets what the other leaves.
  EXPECT_TRUE(heir->close(0s));
  const auto rest = take(*member, 1);
  EXPECT_EQ(rest.at(0).envelope.id, "c");
  EXPECT_TRUE(member->settle(ids_of(rest)));
}

/// As a server that was killed does now and then, with whatever its index has lost.
TEST_F(Groups, ARecordThatTheServerHasLostIsWrittenAgainByItsHolder) {
  const auto broker = open(lease);
  ASSERT_TRUE(publish(*broker, "orders", {event("a"), event("b"), event("c")}));
  const auto member = join(*broker, "orders");
  const auto ids = ids_of(take(*member, 3));
  ASSERT_TRUE(member->settle({ids.data(), 1}));
  const auto lose_it = [&] {
    const auto link = Link::open(*parse_url(at()), log);
    ASSERT_TRUE(link);
    EXPECT_TRUE(Api(*link).purge_records(position_subject("orders", "group", 0), steady_now() + answer_within));
  };
  lose_it();
  const auto settled = member->settle({ids.data() + 1, 1});
  EXPECT_TRUE(settled) << to_string(settled.error());
  EXPECT_EQ(place_of(*broker).position, Offset{2});
  EXPECT_EQ(place_of(*broker).handled, 2U);
  EXPECT_NE(log.text().find("the server has lost where group group stands in partition 0"), std::string::npos)
      << log.text();
  // Where nobody holds it, nobody knows better.
  member->close(0s).value();
  lose_it();
  const auto heir = join(*broker, "orders");
  EXPECT_EQ(names_of(take(*heir, 3)), (std::vector<std::string>{"a", "b", "c"}));
}

TEST_F(Groups, WhoClosesHandsOverAtOnce) {
  const auto broker = open("?lease=10min");
  const auto other = open("?lease=10min");
  ASSERT_TRUE(publish(*broker, "orders", {event("a"), event("b")}));
  for (int round = 0; round < 10; ++round) {
    auto first = join(*broker, "orders");
    EXPECT_EQ(take(*first, 1).size(), 1U);
    const auto second = join(*other, "orders");
    if (round % 2 == 0)
      first.reset();
    else
      EXPECT_TRUE(first->close(10ms));
    EXPECT_EQ(names_of(take(*second, 2)), (std::vector<std::string>{"a", "b"}));
  }
}

TEST_F(Groups, AKeyIsInOneMembersHandsWhateverIsRejected) {
  const auto broker = open();
  const auto other = open();
  ASSERT_TRUE(broker->create_topic("orders", {.partitions = 4}));
  const auto one = join(*broker, "orders");
  const auto two = join(*other, "orders");
  std::vector<Consumer*> members{one.get(), two.get()};
  for (int round = 0; round < 2000 && (one->assignment().size() != 2 || two->assignment().size() != 2); ++round)
    for (auto* member : members) (void)member->fetch(1, 5ms);
  std::vector<Envelope> sent;
  for (int number = 0; number < 400; ++number)
    sent.push_back(event(std::to_string(number), "key-" + std::to_string(number % 20)));
  ASSERT_TRUE(publish(*broker, "orders", sent));
  std::map<std::string, std::set<std::size_t>> hands;
  std::map<std::string, int> last;
  std::size_t settled = 0;
  const auto until = std::chrono::steady_clock::now() + 30s;
  while (settled < sent.size() && std::chrono::steady_clock::now() < until)
    for (std::size_t index = 0; index < members.size(); ++index) {
      const auto some = members[index]->fetch(50, 5ms);
      ASSERT_TRUE(some) << to_string(some.error());
      for (const auto& delivery : *some) {
        const std::string key(delivery.envelope.key);
        hands[key].insert(index);
        const std::vector<DeliveryId> id{delivery.id};
        const int number = std::stoi(std::string(delivery.envelope.id));
        if (delivery.attempt == 1) {
          EXPECT_TRUE(!last.contains(key) || last[key] < number)
              << key << ": " << number << " came after " << last[key];
          last[key] = number;
        }
        if (delivery.attempt == 1 && number % 7 == 0) {
          EXPECT_TRUE(members[index]->reject(id, std::chrono::milliseconds{number % 5}));
        } else {
          EXPECT_TRUE(members[index]->settle(id));
          ++settled;
        }
      }
    }
  EXPECT_EQ(settled, sent.size());
  for (const auto& [key, members_of_it] : hands)
    EXPECT_EQ(members_of_it.size(), 1U) << key << " was in two members' hands";
}

}  // namespace
}  // namespace tidings::brokers::nats
