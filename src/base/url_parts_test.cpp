#include "tidings/base/url_parts.hpp"

#include <gtest/gtest.h>

#include "tidings/base/percent.hpp"

namespace tidings {
namespace {

TEST(UrlParts, AServerHasAPort) {
  EXPECT_EQ(with_port("one", 9092), "one:9092");
  EXPECT_EQ(with_port("one:1", 9092), "one:1");
  EXPECT_EQ(with_port("[::1]", 4222), "[::1]:4222");
  EXPECT_EQ(with_port("[::1]:7", 4222), "[::1]:7");
  for (const auto* const wrong : {"", ":1", "one:", "one:0", "one:65536", "one:port", "a:1:2", "::1", "[::1", "a b",
                                  "one:1/topic", "one/topic", "a@b"})
    EXPECT_FALSE(with_port(wrong, 1)) << wrong;
}

TEST(UrlParts, ThisMachineIsToldByItsNameAlone) {
  for (const auto* const here : {"localhost:1", "127.0.0.1:1", "127.1.2.3:1", "[::1]:1"})
    EXPECT_TRUE(is_loopback(here)) << here;
  for (const auto* const there :
       {"127.0.0.1.evil.org:1", "localhost.evil.org:1", "127.evil.org:1", "10.0.0.1:1", "[::2]:1", "example.org:1"})
    EXPECT_FALSE(is_loopback(there)) << there;
}

TEST(UrlParts, ASecretThatIsNotThereIsTold) {
  EXPECT_EQ(read_secret("/nowhere").error().code, "io_error");
}

TEST(Percent, WhatAPersonWroteIsTakenStrictly) {
  EXPECT_EQ(percent_decoded_strictly("a%40%c3%A9b"), "a@éb");
  for (const auto* const wrong : {"%", "a%4", "%zz", "%00", "100%, "}) {
    EXPECT_FALSE(percent_decoded_strictly(wrong)) << wrong;
  }
  EXPECT_EQ(percent_decoded("100%, %4, %zz%41"), "100%, %4, %zzA");
}

}  // namespace
}  // namespace tidings
