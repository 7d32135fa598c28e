// Another process deletes a topic before each step of a call: what the call answers then.
#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "brokers/log/testing.hpp"

namespace tidings::brokers {
namespace {

using namespace std::chrono_literals;
using tidings::log::FaultyFiles;

class TopicsThatGo : public LogBroker {
 protected:
  /// `call` is made once for each of its steps; it may use its broker only.
  void each_step(const std::function<void(Broker&)>& call) {
    FaultyFiles others;
    files.skip_syncs();
    others.skip_syncs();
    BrokerOptions options;
    options.log = &sink;
    options.files = &others;
    auto other = log_factory().open("log:" + folder, options).or_throw();
    for (std::uint64_t step = 1;; ++step) {
      SCOPED_TRACE(step);
      other->create_topic("orders", {.partitions = 2, .durability = Durability::memory}).or_throw();
      if (has_group_) other->seek("orders", "g", Start::latest()).or_throw();
      auto broker = open();
      bool is_deleted = false;
      files.fail([&, count = std::uint64_t{0}](const FaultyFiles::Call&) mutable {
        if (++count == step) {
          is_deleted = true;
          auto done = other->delete_topic("orders");
          EXPECT_TRUE(done || done.error().code == "busy" || done.error().code == "unknown_topic")
              << to_string(done.error());
        }
        return std::optional<Error>{};
      });
      call(*broker);
      files.fail({});
      broker.reset();
      auto done = other->delete_topic("orders");
      EXPECT_TRUE(done || done.error().code == "unknown_topic") << to_string(done.error());
      if (!is_deleted) {
        EXPECT_GT(step, 4U);
        break;
      }
    }
    EXPECT_EQ(sink.lines, "");
  }

  bool has_group_ = false;
};

TEST_F(TopicsThatGo, APublishIsForTheNext) {
  each_step([](Broker& broker) {
    publish(broker, "orders", "0");
    const auto topic = broker.topic("orders").or_throw();
    std::uint64_t events = 0;
    for (const auto& partition : topic.partitions) events += partition.end.value;
    EXPECT_EQ(events, 1U);
  });
}

TEST_F(TopicsThatGo, AGroupReadsTheNext) {
  each_step([](Broker& broker) {
    auto consumer = broker.subscribe("orders", {.group = "g", .create_topic = true});
    ASSERT_TRUE(consumer) << to_string(consumer.error());
    publish(broker, "orders", "0");
    EXPECT_EQ(ids_of((*consumer)->fetch(10, 10ms).or_throw()), std::vector<std::string>{"0"});
  });
}

TEST_F(TopicsThatGo, OneThatIsMadeIsThere) {
  each_step([](Broker& broker) { EXPECT_TRUE(broker.create_topic("orders", {})); });
}

TEST_F(TopicsThatGo, WhoAsksForItIsToldOrItIsUnknown) {
  each_step([](Broker& broker) {
    auto topic = broker.topic("orders");
    EXPECT_TRUE(topic || topic.error().code == "unknown_topic") << to_string(topic.error());
  });
}

TEST_F(TopicsThatGo, AListHasItWholeOrNotAtAll) {
  each_step([](Broker& broker) {
    const auto topics = broker.topics().or_throw();
    if (!topics.empty()) {
      EXPECT_FALSE(topics.front().error) << to_string(*topics.front().error);
    }
  });
}

TEST_F(TopicsThatGo, WhoAsksForItsGroupsIsToldOrItIsUnknown) {
  has_group_ = true;
  each_step([](Broker& broker) {
    const auto groups = broker.groups("orders");
    if (groups) {
      for (const auto& group : *groups) EXPECT_FALSE(group.error) << to_string(*group.error);
    } else {
      EXPECT_EQ(groups.error().code, "unknown_topic") << to_string(groups.error());
    }
  });
}

TEST_F(TopicsThatGo, WhoChangesItOrItsGroupsDoesSoOrItIsUnknown) {
  has_group_ = true;
  const auto expect_done = [](const Result<>& done, std::string_view or_else) {
    EXPECT_TRUE(done || done.error().code == "unknown_topic" || done.error().code == or_else)
        << to_string(done.error());
  };
  each_step([&](Broker& broker) { expect_done(broker.set_retention("orders", {.bytes = 1 << 20}), ""); });
  each_step([&](Broker& broker) { expect_done(broker.seek("orders", "g", Start::earliest()), "busy"); });
  each_step([&](Broker& broker) { expect_done(broker.delete_group("orders", "g"), "unknown_group"); });
}

TEST_F(TopicsThatGo, OneThatIsDeletedIsGone) {
  each_step([](Broker& broker) {
    auto done = broker.delete_topic("orders");
    EXPECT_TRUE(done || done.error().code == "unknown_topic") << to_string(done.error());
  });
}

}  // namespace
}  // namespace tidings::brokers
