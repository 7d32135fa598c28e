#include "publishing.hpp"

#include <gmock/gmock.h>

#include <deque>

#include "tidings/brokers/open.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A broker whose publishes fail as told, one after another, and then succeed. What it does not say is not asked.
class Failing : public Broker {
 public:
  explicit Failing(std::deque<Error> failures) : failures_(std::move(failures)) {}

  [[nodiscard]] const Capabilities& capabilities() const override { return capabilities_; }
  Result<> create_topic(std::string_view, const TopicOptions&) override { return {}; }
  Result<std::vector<Published>> publish(std::string_view, std::span<const EnvelopeView> events,
                                         const PublishOptions&) override {
    std::string ids;
    for (const auto& event : events) ids += std::string(event.id) + " ";
    asked.push_back(ids);
    if (!failures_.empty()) {
      const auto error = failures_.front();
      if (failures_.size() > 1 || !for_ever) failures_.pop_front();
      return error;
    }
    return std::vector<Published>(events.size());
  }
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view, const ConsumerOptions&) override { return no(); }
  Result<std::vector<TopicInfo>> topics() override { return no(); }
  Result<TopicInfo> topic(std::string_view name) override {
    return TopicInfo{.name = std::string(name), .event_bytes_max = 1000, .partitions = {}};
  }
  Result<std::vector<GroupInfo>> groups(std::string_view) override { return no(); }
  Result<> seek(std::string_view, std::string_view, const Start&) override { return no(); }
  Result<> close(Duration) override { return {}; }

  std::vector<std::string> asked;  // ids of each publish
  bool for_ever = false;           // the last failure stays

 private:
  static Error no() { return {"unsupported", "not asked"}; }
  Capabilities capabilities_;
  std::deque<Error> failures_;
};

class PublishingTest : public ::testing::Test {
 protected:
  /// Publishes two good lines with a bad one between them.
  Result<> publish(Broker& broker) {
    arguments_.topic = "t";
    arguments_.acks = true;
    Publishing publishing(
        "t", common_, arguments_,
        {.retry_for = retry_for,
         .on_failure =
             [&](std::uint64_t first, std::uint64_t last, const Error& error) {
               failures.push_back(std::to_string(first) + "-" + std::to_string(last) + " " + to_string(error));
             },
         .on_wait = [&](const Error& error) { waits.push_back(error.code); },
         .on_acks = [&](std::string_view text) -> Result<> {
           acks += text;
           return {};
         }});
    if (auto valid = publishing.check(); !valid) return valid;
    if (auto begun = publishing.begin(broker); !begun) return begun;
    publishing.add({1, "1", false});
    publishing.add({2, "{", false});
    publishing.add({3, " {\"a\":2}\r", false});
    auto flushed = publishing.flush();
    published = publishing.published();
    return flushed;
  }

  Common common_;
  PublishArguments arguments_;
  std::chrono::milliseconds retry_for = 100ms;
  std::vector<std::string> failures, waits;
  std::string acks;
  std::uint64_t published = 0;
};

TEST_F(PublishingTest, WhatIsBusyIsTriedAgainUnderTheSameIds) {
  Failing broker({{"busy", "", Retry::same_call}, {"disk_full", "", Retry::same_call}});
  retry_for = 1min;
  EXPECT_TRUE(publish(broker));
  ASSERT_EQ(broker.asked.size(), 3U);
  EXPECT_EQ(broker.asked[0], broker.asked[2]);
  EXPECT_EQ(published, 2U);
  EXPECT_THAT(waits, ElementsAre("busy"));  // at once, and once
  EXPECT_EQ(std::ranges::count(acks, '\n'), 2);
  EXPECT_THAT(failures, ElementsAre(HasSubstr("2-2 invalid_json")));
}

TEST_F(PublishingTest, WhatStaysFullIsToldAtOnceAndFailsTheLinesTogether) {
  Failing broker({{"disk_full", "free some", Retry::same_call}});
  broker.for_ever = true;
  auto published_all = publish(broker);
  ASSERT_FALSE(published_all);
  EXPECT_EQ(published_all.error().code, "disk_full");
  EXPECT_THAT(failures, ElementsAre(HasSubstr("2-2 invalid_json"), "1-3 disk_full: free some"));
  EXPECT_THAT(acks, IsEmpty());
  EXPECT_THAT(waits, ElementsAre("disk_full"));
}

TEST_F(PublishingTest, WhatMayHaveBeenPublishedIsNeverToldAsAMereFailure) {
  Failing broker({{"outcome_unknown", "", Retry::same_call}, {"disk_full", "free some", Retry::same_call}});
  broker.for_ever = true;
  auto published_all = publish(broker);
  ASSERT_FALSE(published_all);
  EXPECT_EQ(published_all.error().code, "outcome_unknown");
  EXPECT_THAT(published_all.error().message, HasSubstr("disk_full: free some"));
}

TEST_F(PublishingTest, WhatCanNeverSucceedIsNotTriedAgain) {
  Failing broker({{"unknown_topic", "it is gone", Retry::never}});
  EXPECT_TRUE(publish(broker));  // the next batch may be another matter
  EXPECT_EQ(broker.asked.size(), 1U);
  EXPECT_THAT(waits, IsEmpty());
  EXPECT_THAT(failures, ElementsAre(HasSubstr("2-2 "), "1-3 unknown_topic: it is gone"));
}

TEST_F(PublishingTest, NothingIsCreatedWhereTheArgumentsAreWrong) {
  auto broker = open_broker("memory:publishing-test").or_throw();
  arguments_.headers = {"no-value"};
  auto published_all = publish(*broker);
  ASSERT_FALSE(published_all);
  EXPECT_EQ(published_all.error().code, "invalid_header");
  EXPECT_THAT(broker->topics().or_throw(), IsEmpty());
}

}  // namespace
}  // namespace tidings::cli
