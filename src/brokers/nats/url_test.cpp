#include "brokers/nats/url.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace tidings::brokers::nats {
namespace {

TEST(Url, HasServersAndWhoItIs) {
  const auto url = parse_url("nats://me:s%40y@127.0.0.1,localhost:4333?lease=2s&replicas=3");
  ASSERT_TRUE(url) << to_string(url.error());
  EXPECT_EQ(url->servers, (std::vector<std::string>{"127.0.0.1:4222", "localhost:4333"}));
  EXPECT_EQ(url->user, "me");
  EXPECT_EQ(url->password, "s@y");
  EXPECT_EQ(url->lease, std::chrono::seconds{2});
  EXPECT_EQ(url->replicas, 3);
  EXPECT_EQ(url->shown, "nats://***@127.0.0.1,localhost:4333?lease=2s&replicas=3");
  EXPECT_EQ(parse_url("nats://secret@[::1]:1")->token, "secret");
}

TEST(Url, WhoseEntryHasAPasswordFileIsAUser) {
  const auto file = ::testing::TempDir() + "nats-url-test-password";
  std::ofstream(file) << "s3cret\n";
  for (const auto* const who : {"me@", "me:@"}) {
    const auto url = parse_url("nats://" + std::string(who) + "localhost?password_file=" + file);
    ASSERT_TRUE(url) << to_string(url.error());
    EXPECT_EQ(url->user, "me");
    EXPECT_EQ(url->password, "s3cret");
    EXPECT_TRUE(url->token.empty());
  }
  EXPECT_EQ(parse_url("nats://localhost?password_file=" + file).error().code, "invalid_url");
  std::filesystem::remove(file);
}

TEST(Url, RefusesWithoutTellingSecrets) {
  for (const auto* wrong : {"nats:", "nats://", "nats://:1", "nats://h:0", "nats://h:x", "nats://h?tls=yes",
                            "nats://h?nonsense=1", "nats://h?ca=f", "nats://h?tls=true&cert=f",
                            "nats://s3cret:p@h?tls=true&creds=f", "nats://h?lease=1ms", "nats://h h", "nats://a:1:2",
                            "nats://u:s3cret%zz@h", "nats://u:s3cret@h?replicas=2&tls=true", "nats://h?nkey=U"}) {
    const auto url = parse_url(wrong);
    ASSERT_FALSE(url) << wrong;
    EXPECT_EQ(url.error().code, "invalid_url") << wrong;
    EXPECT_EQ(url.error().message.find("s3cret"), std::string::npos) << url.error().message;
  }
}

TEST(Url, ASecretDoesNotGoOverAnOpenNetworkInTheClear) {
  for (const auto* open :
       {"nats://u:s3cret@example.org", "nats://s3cret@127.0.0.1,10.0.0.1", "nats://u:s3cret@127.0.0.1.evil.org"}) {
    const auto url = parse_url(open);
    ASSERT_FALSE(url) << open;
    EXPECT_EQ(url.error().code, "insecure_credentials") << to_string(url.error());
    EXPECT_EQ(url.error().message.find("s3cret"), std::string::npos) << url.error().message;
    EXPECT_TRUE(parse_url(std::string(open) + "?tls=true"));
    EXPECT_TRUE(parse_url(std::string(open) + "?allow_plaintext=true"));
  }
  EXPECT_TRUE(parse_url("nats://u:s3cret@localhost,127.0.0.2:1,[::1]"));
  EXPECT_TRUE(parse_url("nats://example.org"));
}

}  // namespace
}  // namespace tidings::brokers::nats
