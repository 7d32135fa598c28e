#include "brokers/nats/names.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tidings/base/percent.hpp"

namespace tidings::brokers::nats {
namespace {

TEST(Names, ComeBack) {
  for (const auto* name : {"orders", "a.b.c", "..x", "A-b_c.9", "a.", "3"}) {
    const auto token = to_token(name);
    EXPECT_EQ(token.find('.'), std::string::npos);
    EXPECT_EQ(from_token(token), name);
  }
}

TEST(Names, OfOneTopicAreNotAnothers) {
  std::set<std::string> streams;
  std::set<std::string> subjects;
  for (const auto* name : {"a", "a.0", "a.0.0", "a..0", "A", "a-0"})
    for (const std::uint32_t partition : {0U, 1U, 10U}) {
      EXPECT_TRUE(streams.insert(stream_name(name, partition)).second) << name;
      EXPECT_TRUE(subjects.insert(subject_name(name, partition)).second) << name;
    }
  EXPECT_LT(stream_name(std::string(200, 'x'), 1023).size(), 255U);
}

TEST(Percent, KeepsEveryByte) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const auto encoded = percent_encoded(all);
  for (const char c : encoded) EXPECT_TRUE(c > ' ' && c < 0x7f);
  EXPECT_EQ(percent_decoded(encoded), all);
  EXPECT_EQ(percent_encoded("a=b&c", "=&"), "a%3Db%26c");
  EXPECT_EQ(percent_decoded("100%, %4, %zz%41"), "100%, %4, %zzA");
}

}  // namespace
}  // namespace tidings::brokers::nats
