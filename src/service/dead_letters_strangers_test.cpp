// What others than the group's service write to its dead letters.
#include "service/dead_events.hpp"
#include "service/testing.hpp"
#include "tidings/service/dead_letters.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view journal = "test.take.dead-letters";

class StrangersTest : public ServiceTest {
 protected:
  /// Fails while `fails_` is.
  void take(Service& service) {
    service.on("take", {}, [&](const Order& order) -> Result<> {
      if (fails_) return Error{"bad", "it is bad"};
      done_.add(order.number);
      return {};
    });
  }
  DeadLetters desk() { return DeadLetters::read(*broker_, "test.take").or_throw(); }
  std::uint64_t open() {
    std::uint64_t open = 0;
    for (const auto& one : desk().counts()) open += one.open();
    return open;
  }
  void forge(const std::string& topic, const std::string& partition, const std::string& group,
             const std::string& hold = {}) {
    auto letter = make_envelope(Order{"forged", 99}, {.source = "elsewhere"}).or_throw();
    letter.headers.set(dead_letter::topic, topic);
    letter.headers.set(dead_letter::partition, partition);
    letter.headers.set(dead_letter::offset, "7");
    letter.headers.set(dead_letter::group, group);
    letter.headers.set(dead_letter::reason, "none");
    if (!hold.empty()) letter.headers.set(dead_letter::hold, hold);
    publish_raw(journal, letter);
  }

  std::atomic<bool> fails_ = true;
  Record<std::int64_t> done_;
};

TEST_F(StrangersTest, WhoTakesAPartitionOverThatIsNoneOfHisVoidsNothing) {
  take(make());
  publish(Order{"a", 1});
  {
    const auto running = start();
    ASSERT_TRUE(caught_up("orders", "test.take"));
    publish_raw(journal, make_envelope(DeadTaken{"orders", 0}, {.source = "billing"}).or_throw());
    publish(Order{"b", 2});
    ASSERT_TRUE(eventually([&] { return letters(journal).size() == 2; }));
    ASSERT_TRUE(caught_up("orders", "test.take"));
  }
  EXPECT_EQ(open(), 2U) << "the second counts for nothing";
  auto damaged = make_envelope(DeadTaken{"orders", 0}, {.source = "test"}).or_throw();
  damaged.payload = "no JSON";
  publish_raw(journal, damaged);
  publish_raw(journal, make_envelope(Order{"c", 3}, {.source = "test"}).or_throw());
  take(make());
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return lines_.count("started on") == 2; }));
  fails_ = false;
  desk().publish({}, "").or_throw();
  ASSERT_TRUE(done_.wait(2)) << lines_.all();
  EXPECT_TRUE(eventually([&] { return open() == 0; }));
  EXPECT_EQ(lines_.count(std::string(journal) + " has 3 events that are none of the group's"), 1U) << lines_.all();
}

TEST_F(StrangersTest, LettersOfNobodyKeepNobodyFromBeingDrivenAgain) {
  take(make());
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take"));
  forge("orders", "77", "test.take");                 // nobody holds it
  forge("nowhere", "0", "test.take", "some-hold");    // a place that is not there
  forge("../nowhere", "0", "test.take", "a-hold");    // nor can be
  forge("elsewhere", "0", "other.take", "its-hold");  // another group's
  fails_ = false;
  auto asked = desk();
  const auto id = asked.publish({}, "");
  ASSERT_TRUE(id) << to_string(id.error());
  ASSERT_TRUE(done_.wait(1));
  DeadLetterProgress progress;
  ASSERT_TRUE(eventually([&] {
    progress = asked.progress().or_throw();
    return progress.done == progress.partitions;
  }));
  EXPECT_EQ(progress.partitions, 1U);
  EXPECT_EQ(progress.redriven, 1U);
  EXPECT_EQ(progress.given_up.size(), 3U);
  const auto rest = desk().publish({}, "");
  ASSERT_FALSE(rest) << "nothing else is there";
  EXPECT_EQ(rest.error().code, "unsupported");
}

TEST_F(StrangersTest, ATopicThatIsTooSmallIsToldOf) {
  broker_->create_topic("orders", {.partitions = 1}).or_throw();
  broker_->create_topic(journal, {.partitions = 1, .event_bytes_max = 2000}).or_throw();
  take(make());
  publish(Order{"a", 1});
  publish(Order{"b", 2});
  const auto running = start();
  ASSERT_TRUE(caught_up("orders", "test.take")) << lines_.all();
  EXPECT_EQ(lines_.count(std::string(journal) + " takes events of up to 2000 bytes"), 1U) << lines_.all();
}

}  // namespace
}  // namespace tidings::service
