// A server that refuses for a while whom it knew, as one does whose passwords are being changed: libnats gives such a
// connection up for good.
#include <fstream>
#include <thread>

#include "brokers/nats/testing.hpp"

namespace tidings::brokers::nats {
namespace {

using namespace std::chrono_literals;

class Refused : public NatsTest {
 protected:
  void SetUp() override {
    TIDINGS_NEEDS_SERVER(tidings::testing::nats_server_is_there());
    start({.config = "include \"./who.conf\"\n", .files = {{"who.conf", who("first")}}});
  }
  static std::string who(const std::string& password) {
    return "authorization { user: me, password: \"" + password + "\" }\n";
  }
  void restart_with(const std::string& password) {
    server->kill();
    std::ofstream(server->folder() + "/who.conf") << who(password);
    ASSERT_TRUE(server->restart());
  }
  /// Until it is in the log so often.
  bool is_logged(std::string_view what, int times) {
    for (const auto until = std::chrono::steady_clock::now() + 30s; std::chrono::steady_clock::now() < until;) {
      const auto text = log.text();
      int found = 0;
      for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
      if (found >= times) return true;
      std::this_thread::sleep_for(20ms);
    }
    return false;
  }
};

TEST_F(Refused, AMemberAReaderAndAPublisherGoOnOnceTheServerTakesThemAgain) {
  auto opened = try_open(at("me:first@"));
  ASSERT_TRUE(opened) << to_string(opened.error());
  auto& broker = **opened;
  const auto member = join(broker, "orders");
  const auto reader = join(broker, "orders", {});
  auto publisher = broker.publisher("orders", {.window = 16});
  ASSERT_TRUE(member && reader && publisher);
  ASSERT_TRUE(publish(broker, "orders", {event("before")}));
  auto got = take(*member, 1);
  EXPECT_TRUE(member->settle(ids_of(got), Outcome::handled));
  EXPECT_EQ(take(*reader, 1).size(), 1U);

  restart_with("second");
  // Both of its connections, and nobody hears of it but by the log.
  ASSERT_TRUE(is_logged("the connection is given up", 2)) << log.text();
  const auto refused = publish(broker, "orders", {event("refused")}, {.wait_max = 200ms});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry, Retry::same_call) << to_string(refused.error());
  EXPECT_TRUE(is_logged("does not let this user in", 2)) << log.text();
  restart_with("first");

  ASSERT_TRUE(publish(broker, "orders", {event("after")})) << log.text();
  const auto last = event("over");
  const auto over = last.view();
  std::string told = "nothing";
  ASSERT_TRUE((*publisher)->publish({&over, 1}, [&](Result<std::vector<Published>> places) {
    told = places ? "stored" : places.error().code;
  }));
  ASSERT_TRUE((*publisher)->flush(30s));
  EXPECT_EQ(told, "stored");
  const std::vector<std::string> wanted{"after", "over"};
  got = take(*member, 2);
  EXPECT_EQ(names_of(got), wanted);
  EXPECT_TRUE(member->settle(ids_of(got), Outcome::handled));
  EXPECT_EQ(names_of(take(*reader, 2)), wanted);
  EXPECT_EQ(log.text().find("first@"), std::string::npos);
}

TEST_F(Refused, ABrokerThatIsRefusedCloses) {
  auto opened = try_open(at("me:first@"));
  ASSERT_TRUE(opened) << to_string(opened.error());
  const auto member = join(**opened, "orders");
  restart_with("second");
  ASSERT_TRUE(is_logged("the connection is given up", 1)) << log.text();
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE((*opened)->close(0ms));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s);
  EXPECT_EQ(member->fetch(1, 0ms).error().code, "closed");
}

}  // namespace
}  // namespace tidings::brokers::nats
