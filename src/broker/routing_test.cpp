#include "tidings/broker/routing.hpp"

#include <gtest/gtest.h>

#include "tidings/base/key_hash.hpp"

namespace tidings {
namespace {

EnvelopeView event(std::string_view id, std::string_view key) {
  EnvelopeView view;
  view.id = id;
  view.type = "t";
  view.key = key;
  return view;
}

TEST(Routing, KeysGoByHashAndTheRestTogether) {
  const std::vector<EnvelopeView> events{event("0", "a"), event("1", ""), event("2", "b"), event("3", "a"),
                                         event("4", "")};
  auto routing = route(events, {}, 4, 1000, 6).or_throw();
  EXPECT_EQ(routing.places[0].partition.value, key_hash("a") % 4);
  EXPECT_EQ(routing.places[2].partition.value, key_hash("b") % 4);
  EXPECT_EQ(routing.places[3].partition, routing.places[0].partition);
  EXPECT_EQ(routing.places[1].partition.value, 2u) << "6 modulo 4";
  EXPECT_EQ(routing.places[4].partition.value, 2u);
  std::size_t routed = 0;
  for (const auto& part : routing.parts) {
    routed += part.events.size();
    routing.set_first(part.partition, Offset{100});
  }
  EXPECT_EQ(routed, events.size());
  for (std::size_t index = 0; index < events.size(); ++index) {
    const auto& place = routing.places[index];
    for (const auto& part : routing.parts)
      if (part.partition == place.partition) {
        EXPECT_EQ(part.events[place.offset.value - 100], &events[index]) << "places and parts disagree";
      }
  }
}

TEST(Routing, APartitionThatIsAskedForHoldsAll) {
  const std::vector<EnvelopeView> events{event("0", "a"), event("1", ""), event("2", "b")};
  PublishOptions options;
  options.partition = Partition{3};
  const auto routing = route(events, options, 4, 1000, 0).or_throw();
  ASSERT_EQ(routing.parts.size(), 1u);
  EXPECT_EQ(routing.parts[0].events.size(), 3u);
  options.partition = Partition{4};
  EXPECT_EQ(route(events, options, 4, 1000, 0).error().code, "invalid_options");
}

TEST(Routing, OneBadEventRefusesTheBatch) {
  EXPECT_EQ(route(std::vector{event("0", "a"), event("", "a")}, {}, 4, 1000, 0).error().code, "invalid_event");
  EXPECT_EQ(route(std::vector{event("0", "a"), event("1", "a")}, {}, 4, 2, 0).error().code, "too_large");
}

}  // namespace
}  // namespace tidings
