// A bridge to a server that drops repeats of an id, and back.
#include "testing/servers/temporary_folder.hpp"
#include "tests/clusters/clusters.hpp"
#include "tidings/bridge/bridge.hpp"

namespace tidings::service {
namespace {

class BridgingOverClusters : public ClusterTest {
 protected:
  static std::vector<std::string> ids(Broker& broker, std::size_t count) {
    auto reader = broker.subscribe("orders", {.group = "", .create_topic = false}).or_throw();
    std::vector<std::string> all;
    (void)eventually([&] {
      for (const auto& one : reader->fetch(1000, std::chrono::milliseconds{50}).or_throw())
        all.emplace_back(one.envelope.id);
      return all.size() >= count;
    });
    for (const auto& one : reader->fetch(1000, std::chrono::milliseconds{200}).or_throw())
      all.emplace_back(one.envelope.id);
    return all;
  }
  void mirror(Broker& from, Broker& to) {
    Bridge bridge(from, to, {.name = "x", .topics = {"orders"}, .follow = false, .log = &lines_});
    bridge.run({}).or_throw();
  }
  tidings::testing::TemporaryFolder folder_ = tidings::testing::TemporaryFolder::make("bridging").or_throw();
};
INSTANTIATE_TEST_SUITE_P(Brokers, BridgingOverClusters, both_clusters(), broker_of);

TEST_P(BridgingOverClusters, ThereAndBackNothingIsDroppedAsARepeat) {
  const auto log = open_broker("log:" + folder_.path() + "/data", {.log = &lines_}).or_throw();
  const auto named = [](const std::string& id) {
    auto event = make_envelope(Order{"k", 1}, {.source = "elsewhere"}).or_throw();
    event.id = id;
    return event;
  };
  const auto put = [&](Broker& broker, const std::string& id) {
    const auto event = named(id);
    broker.publish("orders", std::array{event.view()}).or_throw();
  };
  // One that is there twice at the source is there twice: offsets, and the groups that are carried, go by that.
  for (const auto* const id : {"a", "b", "a"}) put(*log, id);
  mirror(*log, *broker_);
  EXPECT_EQ(ids(*broker_, 3), (std::vector<std::string>{"a", "b", "a"}));
  put(*broker_, "c");
  mirror(*broker_, *log);
  EXPECT_EQ(ids(*log, 4), (std::vector<std::string>{"a", "b", "a", "c"}));
  put(*log, "d");
  mirror(*log, *broker_);
  EXPECT_EQ(ids(*broker_, 5), (std::vector<std::string>{"a", "b", "a", "c", "d"}));
}

}  // namespace
}  // namespace tidings::service
