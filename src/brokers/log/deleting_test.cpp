// A topic that goes while others have it.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>

#include "brokers/log/testing.hpp"

namespace tidings::brokers {
namespace {

using namespace std::chrono_literals;
using tidings::log::FaultyFiles;

class DeletedTopic : public LogBroker, public testing::WithParamInterface<Durability> {
 protected:
  /// By another process, which may die as soon as the topic has lost its name.
  void delete_topic(bool dies) {
    FaultyFiles others;
    BrokerOptions options;
    options.log = &sink;
    options.files = &others;
    auto other = log_factory().open("log:" + folder, options).or_throw();
    bool is_dead = false;
    others.fail([&](const FaultyFiles::Call& call) -> std::optional<Error> {
      if (is_dead) return tidings::log::io_error();
      is_dead = dies && call.name == "rename";
      return std::nullopt;
    });
    EXPECT_EQ(other->delete_topic("orders").has_value(), !dies);
  }

  static std::vector<std::string> read(Broker& from) {
    return ids_of(from.subscribe("orders", {}).or_throw()->fetch(10, 10ms).or_throw());
  }
};

TEST_P(DeletedTopic, WhatIsAcknowledgedToAPublisherThatHadItStandsInTheNext) {
  for (const bool dies : {false, true}) {
    auto broker = open();
    broker->create_topic("orders", {.durability = GetParam()}).or_throw();
    auto publisher = broker->publisher("orders", {}).or_throw();
    delete_topic(dies);
    for (const auto* const id : {"0", "1"}) {
      const EnvelopeView event{.id = id, .type = "t"};
      std::optional<Error> refused;
      publisher
          ->publish({&event, 1},
                    [&](const Result<std::vector<Published>>& places) {
                      if (!places) refused = places.error();
                    })
          .or_throw();
      publisher->flush(10s).or_throw();
      ASSERT_FALSE(refused) << to_string(*refused);
    }
    publish(*broker, "orders", "2");
    EXPECT_EQ(read(*open()), (std::vector<std::string>{"0", "1", "2"}));
    publisher.reset();
    broker.reset();
    open()->delete_topic("orders").or_throw();
  }
}

TEST_P(DeletedTopic, WhoHadItPublishesToTheNextAndReadsThat) {
  for (const bool dies : {false, true}) {
    auto broker = open();
    broker->create_topic("orders", {.durability = GetParam()}).or_throw();
    delete_topic(dies);
    publish(*broker, "orders", "0");
    EXPECT_EQ(read(*open()), std::vector<std::string>{"0"});
    open()->close(0s).or_throw();
    broker = open();
    open()->delete_topic("orders").or_throw();
    broker->create_topic("orders", {.durability = GetParam()}).or_throw();
    delete_topic(dies);
    EXPECT_TRUE(broker->subscribe("orders", {.group = "g"}).or_throw()->fetch(1, 0s).or_throw().empty());
    broker.reset();
    open()->delete_topic("orders").or_throw();
  }
}

/// The publisher has the one before, which is gone: nothing but the call holds the topic that it writes to.
TEST_F(LogBroker, WhatAPublisherWritesToTheNextTopicHoldsThatUntilItIsSynced) {
  auto broker = open();
  broker->create_topic("orders", {}).or_throw();
  auto publisher = broker->publisher("orders", {}).or_throw();
  open()->delete_topic("orders").or_throw();  // as another process does
  std::atomic<bool> begun = false;            // its own calls come by here, too
  std::atomic<bool> done = false;
  Result<> deleted;
  files.before([&](const FaultyFiles::Call& call) {
    if (call.name != "sync_data" || !call.path.ends_with("/0/00000000000000000000.log") || begun.exchange(true)) return;
    deleted = broker->delete_topic("orders");
    done = true;
  });
  const EnvelopeView event{.id = "0", .type = "t"};
  std::optional<Error> refused;
  publisher
      ->publish({&event, 1},
                [&](const Result<std::vector<Published>>& places) {
                  if (!places) refused = places.error();
                })
      .or_throw();
  publisher->flush(10s).or_throw();
  files.before({});
  ASSERT_TRUE(done);
  ASSERT_FALSE(deleted);
  EXPECT_EQ(deleted.error().code, "busy");
  EXPECT_FALSE(refused) << to_string(*refused);
  EXPECT_EQ(ids_of(open()->subscribe("orders", {}).or_throw()->fetch(10, 10ms).or_throw()),
            std::vector<std::string>{"0"});
}

TEST_P(DeletedTopic, IsUnknownWhereNobodyMakesItAgain) {
  auto broker = [&] {
    BrokerOptions options;
    options.create_topics = false;
    options.log = &sink;
    return log_factory().open("log:" + folder, options).or_throw();
  }();
  broker->create_topic("orders", {.durability = GetParam()}).or_throw();
  auto publisher = broker->publisher("orders", {}).or_throw();
  delete_topic(true);
  const EnvelopeView event{.id = "0", .type = "t"};
  EXPECT_EQ(publisher->publish({&event, 1}, [](const auto&) {}).error().code, "unknown_topic");
  EXPECT_EQ(try_publish(*broker, "orders", "0").error().code, "unknown_topic");
  EXPECT_EQ(broker->subscribe("orders", {.group = "g"}).error().code, "unknown_topic");
}

INSTANTIATE_TEST_SUITE_P(LogBroker, DeletedTopic, testing::Values(Durability::durable, Durability::interval),
                         [](const auto& kind) { return std::string(to_string(kind.param)); });

}  // namespace
}  // namespace tidings::brokers
