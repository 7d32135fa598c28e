// What a group does when its members come, go, hang and die.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <set>
#include <thread>

#include "brokers/kafka/testing.hpp"

namespace tidings::brokers::kafka {
namespace {

using namespace std::chrono_literals;

GroupPartitionInfo place_of(Broker& broker, const std::string& group, std::size_t partition = 0) {
  for (const auto& info : broker.groups("t").or_throw())
    if (info.group == group) return info.partitions.at(partition);
  return {};
}

/// The position never passes what is not settled, whatever else is, and whatever was fetched.
TEST_F(KafkaTest, OffsetsAreCommittedOnlyOnceTheyAreSettled) {
  auto broker = open();
  publish(*broker, "t", numbers(0, 20));
  auto member = broker->subscribe("t", {.group = "g"}).or_throw();
  auto got = take(*member, 10);
  EXPECT_EQ(place_of(*broker, "g").position.value, 0U);
  member->reject(names_of({got[0]})).or_throw();
  member->settle(names_of({got[1], got[2], got[5]})).or_throw();
  EXPECT_EQ(place_of(*broker, "g").position.value, 0U);
  EXPECT_EQ(place_of(*broker, "g").settled_beyond, 3U);
  got[0] = take(*member, 1)[0];
  EXPECT_EQ(got[0].attempt, 2);
  member->settle(names_of({got[0]}), Outcome::parked).or_throw();
  const auto place = place_of(*broker, "g");
  EXPECT_EQ(place.position.value, 3U);
  EXPECT_EQ(place.handled, 2U);
  EXPECT_EQ(place.parked, 1U);
  EXPECT_EQ(place.settled_beyond, 1U);
  member.reset();  // without a word about the others
  EXPECT_EQ(place_of(*broker, "g").position.value, 3U);
  auto heir = broker->subscribe("t", {.group = "g"}).or_throw();
  EXPECT_EQ(ids_of(take(*heir, 17)), numbers(3, 20));
}

/// Who joins makes Kafka take all from everybody: what was fetched and not handed out is discarded, what is in flight
/// is waited for, and then it comes to one of them.
TEST_F(KafkaTest, ARevocationWaitsForWhatIsInFlightAndDiscardsTheRest) {
  auto broker = open(2);
  for (const std::uint32_t partition : {0U, 1U})
    for (const auto& id : numbers(0, 100)) {
      const auto name = std::to_string(partition) + "-" + id;
      const EnvelopeView event{.id = name, .type = "t", .payload = ""};
      broker->publish("t", {&event, 1}, {.partition = Partition{partition}}).or_throw();
    }
  auto first = broker->subscribe("t", {.group = "g"}).or_throw();
  const auto in_hand = take(*first, 10);
  auto second = broker->subscribe("t", {.group = "g"}).or_throw();
  // Nothing new comes to anybody while the first has something in its hands.
  std::set<std::string> seen;
  const auto begin = std::chrono::steady_clock::now();
  std::vector<Delivery> more;
  while (std::chrono::steady_clock::now() - begin < 1500ms) {
    const auto is_known = std::chrono::steady_clock::now() - begin > 1s;  // that somebody has come
    auto got = first->fetch(1, 20ms).or_throw();
    EXPECT_TRUE(got.empty() || !is_known) << "whoever is to give up gets new ones";
    for (auto& one : got) more.push_back(std::move(one));
    EXPECT_TRUE(second->fetch(100, 20ms).or_throw().empty()) << "a partition moved under a handler";
  }
  first->settle(names_of(in_hand)).or_throw();
  first->settle(names_of(more)).or_throw();
  for (const auto* some : std::initializer_list<const std::vector<Delivery>*>{&in_hand, &more})
    for (const auto& one : *some) seen.emplace(one.envelope.id);
  ASSERT_TRUE(comes_true([&] {
    for (auto* member : {first.get(), second.get()}) {
      const auto got = member->fetch(100, 20ms).or_throw();
      member->settle(names_of(got)).or_throw();
      for (const auto& one : got) EXPECT_TRUE(seen.emplace(one.envelope.id).second) << one.envelope.id << " came twice";
    }
    return seen.size() == 200;
  })) << seen.size();
  EXPECT_EQ(first->assignment().size(), 1U);
  EXPECT_EQ(second->assignment().size(), 1U);
  EXPECT_EQ(broker->groups("t").or_throw().at(0).lag(), 0U);
}

/// Over a new sharing the same member keeps what it knows: attempts, and what is settled beyond the position.
TEST_F(KafkaTest, WhoGetsAPartitionBackGoesOnWithIt) {
  auto broker = open(2);
  for (const std::uint32_t partition : {0U, 1U})
    for (const auto& id : numbers(0, 10)) {
      const EnvelopeView event{.id = id, .type = "t", .payload = ""};
      broker->publish("t", {&event, 1}, {.partition = Partition{partition}}).or_throw();
    }
  auto first = broker->subscribe("t", {.group = "g"}).or_throw();
  std::vector<DeliveryId> others;
  std::vector<DeliveryId> rejected;
  for (const auto& one : take(*first, 20)) (one.envelope.id == "3" ? rejected : others).push_back(one.id);
  first->reject(rejected, 1h).or_throw();
  first->settle(others).or_throw();
  auto second = broker->subscribe("t", {.group = "g"}).or_throw();
  ASSERT_TRUE(comes_true([&] { return first->assignment().size() == 1 && second->assignment().size() == 1; }));
  // Due at once: nobody waits an hour for what a sharing has shaken up.
  const auto again = take(*first, 1);
  EXPECT_EQ(again[0].envelope.id, "3");
  EXPECT_EQ(again[0].attempt, 2);
  EXPECT_TRUE(first->fetch(10, 200ms).or_throw().empty()) << "what was settled beyond came again to who had settled it";
  first->settle(names_of(again)).or_throw();
  EXPECT_EQ(place_of(*broker, "g", again[0].id.partition.value).handled, 10U);
}

TEST_F(KafkaTest, ASlowHandlerCostsNobodyItsMembership) {
  auto broker = open(1, "&session=1s");
  publish(*broker, "t", {"0", "1"});
  auto member = broker->subscribe("t", {.group = "g"}).or_throw();
  const auto got = take(*member, 1);
  std::this_thread::sleep_for(4s);  // no call, for longer than a session
  EXPECT_EQ(member->assignment().size(), 1U);
  member->settle(names_of(got)).or_throw();
  EXPECT_EQ(place_of(*broker, "g").position.value, 1U);
}

/// A process is killed with events in its hands: they come to another, once its session is over.
TEST_F(KafkaTest, WhenAMemberIsKilledNothingIsLost) {
  constexpr int rounds = 4;
  constexpr int events = 400;
  {
    auto broker = open(4);
    for (const auto& id : numbers(0, events)) publish(*broker, "t", {id}, "key-" + std::to_string(std::stoi(id) % 20));
  }
  const auto work = [&](Broker& broker, const std::function<void(const Delivery&)>& seen, Duration idle) {
    auto member = broker.subscribe("t", {.group = "g", .in_flight_max = 50}).or_throw();
    for (auto last = std::chrono::steady_clock::now(); std::chrono::steady_clock::now() - last < idle;) {
      auto got = member->fetch(10, 50ms).or_throw();
      for (const auto& one : got) seen(one);
      if (!got.empty()) last = std::chrono::steady_clock::now();
      if (got.size() > 1)
        (void)member->settle(names_of({got.begin(), got.begin() + 5 * static_cast<std::ptrdiff_t>(got.size()) / 10}))
            .has_value();
      if (!got.empty()) (void)member->settle(names_of(got)).has_value();
    }
  };
  const auto file = ::testing::TempDir() + "/tidings-kafka-seen-" + std::to_string(::getpid());
  for (int round = 0; round < rounds; ++round) {
    const auto child = ::fork();
    if (child == 0) {
      auto* const out = std::fopen(file.c_str(), "a");
      int left = 60;
      auto broker = open(4, "&session=1s");
      work(
          *broker,
          [&](const Delivery& one) {
            std::fprintf(out, "%s\n", std::string(one.envelope.id).c_str());
            std::fflush(out);
            if (--left == 0) ::raise(SIGKILL);
          },
          60s);
      ::_exit(1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
  }
  std::set<std::string> seen;
  std::map<std::string, int, std::less<>> last;
  auto broker = open(4, "&session=1s");
  work(
      *broker,
      [&](const Delivery& one) {
        seen.emplace(one.envelope.id);
        auto& before = last[std::string(one.envelope.key)];
        EXPECT_LE(before, std::stoi(std::string(one.envelope.id))) << "key " << one.envelope.key;
        before = std::stoi(std::string(one.envelope.id));
      },
      5s);
  const auto by_last = seen.size();
  if (auto* const in = std::fopen(file.c_str(), "r")) {
    int id = 0;
    while (std::fscanf(in, "%d", &id) == 1) seen.insert(std::to_string(id));
    std::fclose(in);
    std::remove(file.c_str());
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(events));
  EXPECT_LT(by_last, static_cast<std::size_t>(events)) << "what was settled before a kill stays so";
  EXPECT_EQ(broker->groups("t").or_throw().at(0).lag(), 0U);
}

/// A member that has no connection for a session is out, also while it settles: it is told so, and what it wanted to
/// write is not written once it is a member again.
TEST_F(KafkaTest, WhoLosesItsPartitionWhileItSettlesIsToldAndMovesNothing) {
  auto broker = open(1, "&session=1s");
  publish(*broker, "t", numbers(0, 10));
  auto& proxy = kafka().proxy();
  BrokerOptions options;
  options.log = &sink;
  auto cut_off =
      open_kafka("kafka://127.0.0.1:" + std::to_string(proxy.port()) + "?session=1s&prefix=" + prefix, options)
          .or_throw();
  auto member = cut_off->subscribe("t", {.group = "g"}).or_throw();
  const auto ids = names_of(take(*member, 10));
  proxy.refuse(true);
  std::this_thread::sleep_for(200ms);  // until the connections are cut
  std::array<Result<>, 2> settled;
  {
    std::jthread first([&] { settled[0] = member->settle({ids.data(), 3}); });
    std::jthread second([&] { settled[1] = member->settle({ids.data() + 3, 3}); });
    auto heir = broker->subscribe("t", {.group = "g"}).or_throw();
    const auto again = take(*heir, 10);
    EXPECT_EQ(again.size(), 10U);
    heir->settle(names_of(again)).or_throw();
    proxy.refuse(false);
    first.join();
    second.join();
    for (const auto& each : settled) {
      EXPECT_FALSE(each) << "what the heir has got again is no settlement";
      EXPECT_EQ(each ? "" : each.error().code, "not_owner") << (each ? "" : to_string(each.error()));
    }
    EXPECT_EQ(place_of(*broker, "g").position.value, 10U);
  }
  // The heir has left: the other has it again.
  EXPECT_TRUE(comes_true([&] { return member->assignment().size() == 1; }));
  EXPECT_EQ(place_of(*broker, "g").position.value, 10U);
  EXPECT_EQ(place_of(*broker, "g").handled, 10U);
}

/// The server hangs: closing ends with its deadline all the same, and a settlement says that it is not written.
TEST_F(KafkaTest, ClosingEndsWithItsDeadlineThoughTheServerHangs) {
  auto broker = open();
  publish(*broker, "t", numbers(0, 10));
  auto member = broker->subscribe("t", {.group = "g"}).or_throw();
  auto reader = broker->subscribe("t", {}).or_throw();
  const auto got = take(*member, 5);
  EXPECT_EQ(take(*reader, 10).size(), 10U);
  kafka().server().stop();
  std::jthread settles([&] {
    const auto settled = member->settle(names_of(got));
    ASSERT_FALSE(settled);
    EXPECT_EQ(settled.error().code, "unreachable");
  });
  std::this_thread::sleep_for(100ms);
  const auto begin = std::chrono::steady_clock::now();
  broker->close(500ms).or_throw();
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_LT(took, 8s);
  EXPECT_EQ(member->fetch(1, 1ms).error().code, "closed");
  const auto again = std::chrono::steady_clock::now();
  member.reset();
  reader.reset();
  broker.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - again, 5s);
  kafka().server().resume();
}

/// A group's members are on one topic: what is done on another is nothing to them.
TEST_F(KafkaTest, AGroupOfTheSameNameOnAnotherTopicIsAnother) {
  auto broker = open();
  publish(*broker, "t", {"0"});
  publish(*broker, "u", {"1"});
  auto on_t = broker->subscribe("t", {.group = "g"}).or_throw();
  EXPECT_EQ(take(*on_t, 1).size(), 1U);
  broker->seek("u", "g", Start::latest()).or_throw();  // nobody is active there
  EXPECT_EQ(broker->seek("t", "g", Start::latest()).error().code, "group_active");
  EXPECT_EQ(on_t->assignment().size(), 1U);
  EXPECT_EQ(broker->groups("u").or_throw().size(), 1U);
  broker->delete_group("u", "g").or_throw();
  EXPECT_EQ(broker->groups("u").or_throw().size(), 0U);
  EXPECT_EQ(broker->groups("t").or_throw().size(), 1U);
}

}  // namespace
}  // namespace tidings::brokers::kafka
