#include "testing/servers/kafka_server.hpp"

#include <gtest/gtest.h>

#include "testing/servers/needs_server.hpp"

namespace tidings::testing {
namespace {

TEST(KafkaServer, IsKilledAndComesBackOnItsPort) {
  TIDINGS_NEEDS_SERVER(kafka_is_there());
  auto server = start_kafka_server();
  ASSERT_TRUE(server) << to_string(server.error());
  const auto address = kafka_address(**server);
  EXPECT_TRUE(port_accepts((*server)->port()));
  (*server)->kill();
  EXPECT_FALSE(port_accepts((*server)->port()));
  const auto again = (*server)->restart();
  ASSERT_TRUE(again) << to_string(again.error());
  EXPECT_EQ(kafka_address(**server), address);
  EXPECT_TRUE(port_accepts((*server)->port()));
}

}  // namespace
}  // namespace tidings::testing
