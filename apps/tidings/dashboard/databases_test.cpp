#include "dashboard/databases.hpp"

#include <gtest/gtest.h>

#include "testing/servers/temporary_folder.hpp"
#include "tidings/outbox/schema.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

TEST(Databases, WhoLooksNeitherWaitsForAWriterNorKeepsOneOut) {
  auto folder = testing::TemporaryFolder::make("databases").or_throw();
  const auto url = "sqlite:" + folder.path() + "/orders.db";
  auto service = open_store(url).or_throw();
  outbox::apply_schema(*service).or_throw();
  Databases databases({url});
  auto writing = service->begin(10s).or_throw();
  const auto looked = databases.outbox();
  EXPECT_TRUE(looked) << to_string(looked.error());
  // What acts has its turn after it.
  writing->roll_back();
  const auto dropped = databases.drive_outbox({.topic = "orders", .key = "k", .row = 0}, true);
  ASSERT_FALSE(dropped);
  EXPECT_EQ(dropped.error().code, "unknown_key");
}

TEST(Databases, ThoseThatAreNotThereAreNamedUntilTheyAre) {
  auto folder = testing::TemporaryFolder::make("databases").or_throw();
  const auto there = "sqlite:" + folder.path() + "/there.db", later = "sqlite:" + folder.path() + "/later.db";
  (void)open_store(there).or_throw();
  Databases databases({there, later});
  const auto unopened = databases.unopened();
  ASSERT_EQ(unopened.size(), 1U);
  EXPECT_TRUE(unopened[0].starts_with("store " + later + " cannot be opened now: ")) << unopened[0];
  (void)open_store(later).or_throw();
  EXPECT_TRUE(databases.unopened().empty());
}

}  // namespace
}  // namespace tidings::cli
