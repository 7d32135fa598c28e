#include "testing/servers/nats_server.hpp"

#include <gtest/gtest.h>

#include "testing/servers/needs_server.hpp"

namespace tidings::testing {
namespace {

TEST(NatsServer, StartsIsKilledAndComesBackOnItsPort) {
  TIDINGS_NEEDS_SERVER(nats_server_is_there());
  auto server = start_nats_server();
  ASSERT_TRUE(server) << to_string(server.error());
  const auto port = (*server)->port();
  EXPECT_TRUE(port_accepts(port));
  (*server)->kill();
  EXPECT_FALSE(port_accepts(port));
  auto again = (*server)->restart();
  ASSERT_TRUE(again) << to_string(again.error());
  EXPECT_TRUE(port_accepts(port));
  EXPECT_EQ(nats_url(**server), "nats://127.0.0.1:" + std::to_string(port));
}

TEST(NatsServer, TakesMoreConfiguration) {
  TIDINGS_NEEDS_SERVER(nats_server_is_there());
  EXPECT_TRUE(start_nats_server({.config = "max_payload: 65536\n", .files = {}}));
  auto wrong = start_nats_server({.config = "max_payload: [\n", .files = {}});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, "not_ready");
}

}  // namespace
}  // namespace tidings::testing
