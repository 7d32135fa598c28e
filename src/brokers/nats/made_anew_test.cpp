#include <thread>

#include "brokers/nats/api.hpp"
#include "brokers/nats/names.hpp"
#include "brokers/nats/testing.hpp"

namespace tidings::brokers::nats {
namespace {

using namespace std::chrono_literals;

/// A stream that is deleted with the server's own tools, and made anew by the next who knows nothing of it.
class MadeAnew : public NatsTest {
 protected:
  static constexpr auto lease = "?lease=1s";

  void remove_stream() {
    const auto link = Link::open(*parse_url(at()), log);
    ASSERT_TRUE(link);
    ASSERT_TRUE(Api(*link).delete_stream(stream_name("orders", 0), steady_now() + answer_within));
  }
  GroupPartitionInfo place_of(Broker& broker) { return broker.groups("orders")->at(0).partitions.at(0); }
};

TEST_F(MadeAnew, BeyondItsEndAGroupBeginsAgain) {
  const auto broker = open(lease);
  ASSERT_TRUE(publish(*broker, "orders", {event("a"), event("b"), event("c")}));
  {
    const auto member = join(*broker, "orders");
    ASSERT_TRUE(member->settle(ids_of(take(*member, 3))));
    ASSERT_TRUE(member->close(1s));
  }
  remove_stream();
  const auto anew = open(lease);
  ASSERT_TRUE(publish(*anew, "orders", {event("d"), event("e")}));
  EXPECT_EQ(place_of(*anew).lag(), 2U) << "it is not told as caught up";
  const auto member = join(*anew, "orders");
  EXPECT_EQ(names_of(take(*member, 2)), (std::vector<std::string>{"d", "e"}));
  EXPECT_NE(log.text().find("which ends at 2"), std::string::npos) << log.text();
}

TEST_F(MadeAnew, LongerThanBeforeAGroupBeginsAgainTooWithItsFirstEvent) {
  const auto broker = open(lease);
  ASSERT_TRUE(publish(*broker, "orders", {event("a"), event("b")}));
  {
    const auto member = join(*broker, "orders");
    ASSERT_TRUE(member->settle(ids_of(take(*member, 2))));
    ASSERT_TRUE(member->close(1s));
  }
  remove_stream();
  const auto anew = open(lease);
  ASSERT_TRUE(publish(*anew, "orders", {event("c"), event("d"), event("e")}));
  const auto member = join(*anew, "orders");
  EXPECT_EQ(names_of(take(*member, 3)), (std::vector<std::string>{"c", "d", "e"}));
  EXPECT_NE(log.text().find("its stream was made anew;"), std::string::npos) << log.text();
}

TEST_F(MadeAnew, MembersAndReadersThatRunBeginAgain) {
  const auto broker = open(lease);
  ASSERT_TRUE(publish(*broker, "orders", {event("a"), event("b")}));
  const auto member = join(*broker, "orders");
  const auto reader = join(*broker, "orders", {.group = ""});
  const auto held = take(*member, 2);
  ASSERT_TRUE(member->settle({ids_of(held).data(), 1}));
  EXPECT_EQ(names_of(take(*reader, 2)), (std::vector<std::string>{"a", "b"}));
  for (const auto& names : std::vector<std::vector<std::string>>{{"c"}, {"d", "e", "f", "g"}}) {
    remove_stream();
    const auto anew = open(lease);
    std::vector<Envelope> events;
    for (const auto& name : names) events.push_back(event(name));
    ASSERT_TRUE(publish(*anew, "orders", events));
    const auto got = take(*member, names.size());
    EXPECT_EQ(names_of(got), names) << log.text();
    EXPECT_TRUE(member->settle(ids_of(got)));
    EXPECT_EQ(names_of(take(*reader, names.size())), names) << log.text();
    EXPECT_EQ(place_of(*broker).position, Offset{names.size()});
  }
  const auto late = member->settle(ids_of(held));
  ASSERT_FALSE(late) << "what was held of the stream that is gone settles nothing of the other";
  EXPECT_EQ(late.error().code, "not_owner");
  EXPECT_EQ(place_of(*broker).position, Offset{4});
  EXPECT_NE(log.text().find("it begins again with the first event kept"), std::string::npos) << log.text();
  EXPECT_NE(log.text().find("a reader of it begins again"), std::string::npos) << log.text();
}

TEST_F(MadeAnew, AServerThatWasKilledHasTheSameStreamStill) {
  const auto broker = open(lease);
  ASSERT_TRUE(publish(*broker, "orders", {event("a"), event("b")}));
  const auto member = join(*broker, "orders");
  ASSERT_TRUE(member->settle(ids_of(take(*member, 2))));
  server->kill();
  ASSERT_TRUE(server->restart());
  ASSERT_TRUE(publish(*broker, "orders", {event("c")}));
  EXPECT_EQ(names_of(take(*member, 1)), (std::vector<std::string>{"c"}));
  const auto other = open(lease);
  const auto heir = join(*other, "orders", {.group = "other"});
  EXPECT_EQ(log.text().find("begins again"), std::string::npos) << log.text();
}

}  // namespace
}  // namespace tidings::brokers::nats
