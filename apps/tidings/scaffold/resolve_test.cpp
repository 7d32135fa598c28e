#include "scaffold/resolve.hpp"

#include <gmock/gmock.h>

#include "scaffold/testing.hpp"

namespace tidings::scaffold {
namespace {

TEST(Resolve, takes_along_what_is_required_and_says_why) {
  const auto made = resolve(catalogue(), {"outbox"}).or_throw();
  EXPECT_THAT(made.shown(catalogue()), ::testing::ElementsAre("event-bus", "inbox", "outbox", "sqlite"));
  ASSERT_EQ(made.taken.size(), 3U);
  EXPECT_EQ(made.taken[0].capability + ": " + made.taken[0].because, "event-bus: outbox requires it");
  EXPECT_EQ(made.taken[1].capability + ": " + made.taken[1].because, "inbox: outbox requires it");
  EXPECT_EQ(made.taken[2].capability + ": " + made.taken[2].because, "sqlite: inbox requires sqlite or postgres");
}

TEST(Resolve, of_several_that_would_do_takes_none_where_one_is_there) {
  EXPECT_THAT(resolve(catalogue(), {"outbox", "postgres"}).or_throw().shown(catalogue()),
              ::testing::ElementsAre("event-bus", "inbox", "outbox", "postgres"));
}

TEST(Resolve, suggests_with_the_reason_what_is_not_there) {
  const auto made = resolve(catalogue(), {"event-bus", "inbox"}).or_throw();
  ASSERT_FALSE(made.suggested.empty());
  EXPECT_EQ(made.suggested[0].capability, "outbox");
  EXPECT_FALSE(made.suggested[0].reason.empty());
}

TEST(Resolve, stops_at_what_does_not_go_together_with_the_way_out) {
  const auto refused = resolve(catalogue(), {"nats", "kafka"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "capability_conflict");
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("tidings bridge"));
}

TEST(Resolve, names_the_nearest) {
  EXPECT_THAT(resolve(catalogue(), {"outbx"}).error().message, ::testing::HasSubstr("did you mean 'outbox'?"));
  EXPECT_EQ(resolve(catalogue(), {"transactions"}).error().code, "unknown_capability") << "it is hidden";
}

}  // namespace
}  // namespace tidings::scaffold
