#include "causes.hpp"

#include <gtest/gtest.h>

#include <array>

#include "reading.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/event/make_envelope.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

Envelope event_of(const std::string& type) {
  auto event = begin_envelope({.source = "test"});
  event.type = type;
  event.payload = "{}";
  return event;
}

TEST(Causes, TopicsWithNothingSinceTheIdAreNotWaitedFor) {
  auto broker = open_broker("memory:").or_throw();
  const Common common;
  for (const auto* const topic : {"a", "b"}) {
    const auto event = event_of("old");
    broker->publish(topic, std::array{event.view()}).or_throw();
  }
  // Of a time at which nothing has been published yet.
  ManualClock clock(system_clock().now() + 1h);
  const auto late = begin_envelope({.source = "test", .clock = &clock});
  int unfinished = 0;
  const auto chain =
      chain_of(*broker, common, late.id,
               {.begins_by_ids = true, .on_unfinished = [&](const std::string&, Duration) { ++unfinished; }})
          .or_throw();
  EXPECT_TRUE(chain.empty());
  EXPECT_EQ(unfinished, 0) << "it waited for what does not come";
}

TEST(Causes, WhatIsSinceTheIdIsFoundBesideWhatIsNot) {
  auto broker = open_broker("memory:").or_throw();
  const Common common;
  const auto event = event_of("wanted");
  broker->publish("a", std::array{event.view()}).or_throw();
  const auto chain = chain_of(*broker, common, event.id, {.begins_by_ids = true}).or_throw();
  ASSERT_EQ(chain.size(), 1U);
  EXPECT_EQ(chain.front().type, "wanted");
}

TEST(Reading, NothingIsBeyondAnEnd) {
  auto broker = open_broker("memory:").or_throw();
  broker->create_topic("a", {.partitions = 2}).or_throw();
  const auto event = event_of("old");
  broker->publish("a", std::array{event.view(), event.view()}, {.partition = Partition{1}}).or_throw();
  const auto info = broker->topic("a").or_throw();
  const auto beyond = [&](const Start& from) { return ends_beyond(*broker, info, from).or_throw(); };
  const std::map<std::uint32_t, std::uint64_t> all{{1, 2}}, none;
  EXPECT_EQ(beyond(Start::earliest()), all);
  EXPECT_EQ(beyond(Start::latest()), none);
  EXPECT_EQ(beyond(Start::offset(Offset{1})), all);
  EXPECT_EQ(beyond(Start::offset(Offset{2})), none);
  EXPECT_EQ(beyond(Start::each({Offset{0}, Offset{5}})), none);
  const auto now = system_clock().now();
  EXPECT_EQ(beyond(Start::time(now - 1h)), all);
  EXPECT_EQ(beyond(Start::time(now + 1h)), none);
}

}  // namespace
}  // namespace tidings::cli
