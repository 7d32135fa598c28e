#include "dashboard/tail.hpp"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "describe/json_tree.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tidings/base/atomic_file.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/event/make_envelope.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

/// A tail over a broker in memory, and what it has told.
class TailTest : public ::testing::Test {
 protected:
  ~TailTest() override { tails.stop(); }

  void publish(const std::string& topic, int count, const std::string& key = "k") {
    std::vector<Envelope> events;
    std::vector<EnvelopeView> views;
    for (int i = 0; i < count; ++i) {
      auto& event = events.emplace_back(begin_envelope({.source = "test"}));
      event.type = "shop.order";
      event.key = key;
      event.payload = std::to_string(published++);
    }
    for (const auto& event : events) views.push_back(event.view());
    broker->publish(topic, views).or_throw();
  }
  void follow(TailOptions options) {
    tails.add(std::make_shared<Tail>(
        *broker, common, collector, std::move(options), [this](std::string_view event, const std::string& json) {
          if (event.empty()) return true;
          const std::scoped_lock lock(mutex);
          auto tree = parse_json_tree(json).value();
          if (event == "events")
            for (const auto& one : tree.find("events")->items) shown.push_back(std::stoi(one.find("data")->scalar));
          sampled = sampled || (event == "events" && tree.find("sampled")->scalar == "true");
          if (event == "lost") losses.push_back(tree);
          if (event == "damaged") damaged.push_back(tree);
          if (event == "events") last = std::move(tree);
          return !hung_up;
        }));
    until([&] { return last.has_value(); });
  }
  template <class Condition>
  void until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (true) {
      {
        const std::scoped_lock lock(mutex);
        if (condition()) return;
      }
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      std::this_thread::sleep_for(5ms);
    }
  }
  [[nodiscard]] std::uint64_t count(const char* name) const { return std::stoull(last->find(name)->scalar); }
  void look() { collector.take(observe(*broker, common).or_throw()); }

  std::unique_ptr<Broker> broker = open_broker("memory:").or_throw();
  Common common;
  Collector collector{common};
  int published = 0;
  std::mutex mutex;
  std::vector<int> shown;
  std::vector<JsonTree> losses, damaged;
  std::optional<JsonTree> last;
  bool sampled = false;
  bool hung_up = false;
  Tails tails;
};

TEST_F(TailTest, ShowsWhatComesFromNowOnAndNothingBefore) {
  publish("orders", 3);
  follow({.filter = {.topics = {"orders"}}});
  publish("orders", 20);
  publish("stock", 5);
  until([&] { return count("shown") == 20; });
  EXPECT_EQ(shown.front(), 3);
  EXPECT_EQ(shown.back(), 22);
  EXPECT_FALSE(sampled);
}

TEST_F(TailTest, AFloodIsSampledAndSaysSo) {
  publish("orders", 1);
  follow({.filter = {}, .max = 10});
  for (int i = 0; i < 50; ++i) publish("orders", 1000);
  until([&] { return count("seen") == 50'000 && last->find("events")->items.empty() == false; });
  EXPECT_TRUE(sampled);
  EXPECT_EQ(count("matched"), 50'000U);
  until([&] { return shown.size() == count("shown"); });
  EXPECT_LT(shown.size(), 5'000U);
  EXPECT_TRUE(std::ranges::is_sorted(shown));
  EXPECT_EQ(std::ranges::adjacent_find(shown), shown.end()) << "each once at most";
}

TEST_F(TailTest, AfterAFloodNothingIsSampled) {
  publish("orders", 1);
  follow({.filter = {}, .max = 10});
  for (int i = 0; i < 20; ++i) publish("orders", 1000);
  until([&] { return count("seen") == 20'000; });
  // What is left of the flood is shown first.
  const auto is_sampled = [&] {
    const std::scoped_lock lock(mutex);
    return last->find("sampled")->scalar == "true";
  };
  for (int more = 1; is_sampled(); ++more) {
    publish("orders", 1);
    until([&] { return count("seen") == 20'000U + static_cast<unsigned>(more); });
  }
  until([&] { return shown.back() == published - 1; });
  const auto before = shown.size();
  publish("orders", 7);
  until([&] { return shown.size() == before + 7; });
  EXPECT_EQ(last->find("sampled")->scalar, "false");
}

TEST_F(TailTest, OnlyWhatIsMeantIsShown) {
  publish("orders", 1);
  follow({.filter = {.topics = {}, .key = "mine"}});
  publish("orders", 10, "other");
  publish("orders", 2, "mine");
  until([&] { return count("shown") == 2; });
  EXPECT_EQ(count("seen"), 12U);
  EXPECT_EQ(count("matched"), 2U);
}

TEST_F(TailTest, ATopicThatIsMadeMeanwhileIsFollowedFromItsFirstEvent) {
  publish("orders", 1);
  follow({.filter = {}});
  publish("fresh", 3);
  look();
  until([&] { return count("shown") == 3; });
}

TEST_F(TailTest, TidingsOwnTopicsAreShownOnlyWhenAskedFor) {
  publish("tidings.control", 1);
  follow({.filter = {}});
  publish("tidings.control", 1);
  publish("orders", 1);
  look();
  until([&] { return count("seen") > 0; });
  EXPECT_EQ(shown, std::vector<int>{2});
}

TEST_F(TailTest, DamageIsToldAndWhatIsBehindItIsLostAndTheTailGoesOn) {
  auto folder = testing::TemporaryFolder::make("tail").or_throw();
  broker = open_broker("log:" + folder.path()).or_throw();
  broker->create_topic("orders", {.partitions = 2}).or_throw();
  for (int i = 0; i < 40; ++i) publish("t" + std::to_string(i), 1);  // so many that each is opened when it moves
  look();
  follow({.filter = {}});
  const auto publish_to = [&](std::uint32_t partition, const std::string& payload) {
    auto event = begin_envelope({.source = "test"});
    event.type = "shop.order";
    event.payload = payload;
    broker->publish("orders", std::array{event.view()}, {.partition = Partition{partition}}).or_throw();
  };
  publish_to(0, "1");
  publish_to(1, "424242");
  publish_to(1, "2");
  for (const auto& one : std::filesystem::directory_iterator(folder.path() + "/orders/1")) {
    const auto bytes = read_file(one.path().string()).or_throw();
    const auto at = bytes.find("424242");
    if (at == bytes.npos) continue;
    std::fstream file(one.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file.put('5');
  }
  look();
  until([&] { return !damaged.empty() && shown == std::vector{1}; });
  EXPECT_EQ(damaged.front().find("topic")->scalar, "orders");
  EXPECT_NE(damaged.front().find("message")->scalar.find("corrupt"), std::string::npos);
  for (std::size_t looks = 0; looks < 1'000; ++looks) {
    look();
    std::this_thread::sleep_for(10ms);
    const std::scoped_lock lock(mutex);
    if (!losses.empty()) break;
  }
  ASSERT_EQ(losses.size(), 1U);
  EXPECT_EQ(losses.front().find("partition")->scalar, "1");
  EXPECT_EQ(losses.front().find("from")->scalar, "0");
  EXPECT_EQ(losses.front().find("to")->scalar, "1");
  EXPECT_EQ(collector.picture()->damaged.size(), 1U) << "the overview names it, too";
  publish_to(1, "3");
  look();
  until([&] { return shown == (std::vector{1, 3}); });
  EXPECT_EQ(damaged.size(), 1U) << "once";
}

TEST_F(TailTest, WhoHasGoneIsReadForNoLonger) {
  publish("orders", 1);
  follow({.filter = {}});
  {
    const std::scoped_lock lock(mutex);
    hung_up = true;
  }
  publish("orders", 1);
  until([&] { return tails.count() == 0; });
}

}  // namespace
}  // namespace tidings::cli
