#include "tidings/base/redact.hpp"

#include <gtest/gtest.h>

namespace tidings {
namespace {

TEST(Redact, HidesWhatStandsBeforeTheHosts) {
  EXPECT_EQ(redacted("nats://me:secret@host:4222"), "nats://***@host:4222");
  EXPECT_EQ(redacted("nats://token@a,b:1?tls=true"), "nats://***@a,b:1?tls=true");
  EXPECT_EQ(redacted("nats://me:sec@ret?@host"), "nats://***@host");
  EXPECT_EQ(redacted("nats://me:a@h1,me:b@h2"), "nats://***@h2");
}

TEST(Redact, HidesParametersThatSpeakOfSecrets) {
  EXPECT_EQ(redacted("nats://h?password=x&tls=true&my_token=y&password_file=/p"),
            "nats://h?password=***&tls=true&my_token=***&password_file=/p");
}

TEST(Redact, LeavesTheRestAlone) {
  for (const auto* url :
       {"log:./data", "memory:", "memory:NAME?bytes_max=1", "nats://h:1,h:2", "", "nothing", ":", "x:?a"})
    EXPECT_EQ(redacted(url), url);
}

}  // namespace
}  // namespace tidings
