// What still runs when a broker or a member is closed.
#include <gtest/gtest.h>

#include <fstream>

#include "brokers/log/testing.hpp"

namespace tidings::brokers {
namespace {

using namespace std::chrono_literals;

bool is_mapped(const std::string& path) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.ends_with(path)) return true;
  return false;
}

/// After the drain's deadline a handler may still run, and tell what it begins while its member leaves on another
/// thread: what it stores into must be there as long as it has its consumer.
TEST_F(LogBroker, AHandlerThatStillRunsStoresIntoATableThatIsThere) {
  auto broker = open();
  publish(*broker, "t", "0");
  auto consumer = broker->subscribe("t", {.group = "g"}).or_throw();
  const auto got = consumer->fetch(1, 1s).or_throw();
  ASSERT_EQ(got.size(), 1U);
  broker->close(0s).or_throw();
  EXPECT_TRUE(is_mapped("/t/groups/g"));
  consumer->begin(std::vector<Attempt>{{got[0].id, 1}});
  consumer->end({&got[0].id, 1});
  // It keeps nobody from the group for that.
  auto other = open();
  other->seek("t", "g", Start::latest()).or_throw();
  auto heir = other->subscribe("t", {.group = "g"}).or_throw();
  EXPECT_EQ(heir->assignment().size(), 1U);
  heir.reset();
  consumer.reset();
  EXPECT_FALSE(is_mapped("/t/groups/g"));
}

}  // namespace
}  // namespace tidings::brokers
