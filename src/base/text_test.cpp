#include "tidings/base/text.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tidings/base/entropy.hpp"

namespace tidings {
namespace {

TEST(Name, TakesWhatIsPortable) {
  for (const auto* name : {"orders", "a", "Orders_2.x-y", "..."}) EXPECT_TRUE(validate_name("topic", name)) << name;
  EXPECT_TRUE(validate_name("topic", std::string(200, 'x')));
}

TEST(Name, RefusesTheRestAndSaysWhy) {
  for (const std::string name : {"", ".", "..", "-x", "a/b", "a b", "ö", "a\n", "\x1b[31m"}) {
    const auto result = validate_name("topic", name);
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().code, "invalid_name");
    EXPECT_EQ(result.error().message.find('\x1b'), std::string::npos);
  }
  EXPECT_FALSE(validate_name("topic", std::string(201, 'x')));
}

TEST(Nearest, FindsTheTypoOnly) {
  const std::vector<std::string> known{"broker", "store", "namespace"};
  EXPECT_EQ(nearest("brocker", known), "broker");
  EXPECT_EQ(nearest("namspace", known), "namespace");
  EXPECT_EQ(nearest("zzzzzz", known), "");
}

TEST(Printable, ShowsControlsEscaped) {
  EXPECT_EQ(printable("plain \xc3\xa4"), "plain \xc3\xa4");
  EXPECT_EQ(printable("\x1b[31mred\n"), "\\x1B[31mred\\x0A");
  EXPECT_EQ(printable("\xc2\x9b"), "\\u{9B}");        // C1: a terminal's one-byte CSI
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\u{202E}");  // right-to-left override
  EXPECT_EQ(printable("\xff\xc0\xaf\x80"), "\\xFF\\xC0\\xAF\\x80");
  EXPECT_EQ(printable(std::string_view("\0\x7f", 2)), "\\x00\\x7F");
}

TEST(Utf8, RefusesOverlongSurrogatesAndCutOffs) {
  EXPECT_TRUE(is_utf8("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
  for (const auto* bad : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80", "\xf8\x88\x80\x80\x80"})
    EXPECT_FALSE(is_utf8(bad));
}

TEST(Base64, KnownAnswersAndRoundTrips) {
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(to_base64("foob"), "Zm9vYg==");
  SeededEntropy entropy(5);
  for (std::size_t size = 0; size < 300; ++size) {
    std::string bytes(size, '\0');
    entropy.fill(std::as_writable_bytes(std::span{bytes}));
    ASSERT_EQ(from_base64(to_base64(bytes)).or_throw(), bytes);
  }
  for (const auto* bad : {"Z", "Zg", "Zg=", "Zh==", "Zm9vYmF=", "=AAA", "Zg==Zg==", "Zm9*"})
    EXPECT_FALSE(from_base64(bad)) << bad;
}

}  // namespace
}  // namespace tidings
