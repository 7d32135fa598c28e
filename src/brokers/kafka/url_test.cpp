#include "brokers/kafka/url.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "brokers/kafka/client.hpp"

namespace tidings::brokers::kafka {
namespace {

using namespace std::chrono_literals;

TEST(KafkaUrl, SaysServersSecurityAndOptions) {
  const auto url = parse_url(
                       "kafka://us%40er:p%3Ass@one:9092,two:9093/?sasl=SCRAM-SHA-512&tls=true&ca=/etc/"
                       "ca.pem&cert=c&key=k&prefix=shop.&session=30s"
                       "&buffer=1MiB&partitioner=murmur2")
                       .or_throw();
  EXPECT_EQ(url.servers, "one:9092,two:9093");
  EXPECT_EQ(url.user, "us@er");
  EXPECT_EQ(url.password, "p:ss");
  EXPECT_EQ(url.sasl, "SCRAM-SHA-512");
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.ca, "/etc/ca.pem");
  EXPECT_EQ(url.prefix, "shop.");
  EXPECT_EQ(url.session, 30s);
  EXPECT_EQ(url.buffer_bytes, 1U << 20);
  EXPECT_TRUE(url.murmur2);
  const auto plain = parse_url("kafka://[::1]:9092").or_throw();
  EXPECT_TRUE(plain.sasl.empty() && !plain.tls && plain.prefix.empty() && !plain.murmur2);
}

TEST(KafkaUrl, HasKafkasPortWhereNoneIsSaid) {
  EXPECT_EQ(parse_url("kafka://one,two:1,[::1]").or_throw().servers, "one:9092,two:1,[::1]:9092");
}

TEST(KafkaUrl, TakesAPasswordFromAFile) {
  const auto file = ::testing::TempDir() + "kafka-url-test-password";
  std::ofstream(file) << "p@ss\nmore\n";
  const auto url = parse_url("kafka://me@one?sasl=SCRAM-SHA-256&password_file=" + file).or_throw();
  EXPECT_EQ(url.user, "me");
  EXPECT_EQ(url.password, "p@ss");
  std::filesystem::remove(file);
  EXPECT_EQ(parse_url("kafka://me@one?sasl=PLAIN&tls=true&password_file=" + file).error().code, "io_error");
}

TEST(KafkaUrl, RefusesWhatMakesNoSense) {
  for (const auto* const text : {"kafka:one:9092",
                                 "kafka://",
                                 "kafka://:9092",
                                 "kafka://one:port",
                                 "kafka://one:9092,",
                                 "kafka://one:9092/topic",
                                 "kafka://one,,two",
                                 "kafka://u:p@one:9092?sasl=PLAIN&tls=true&password_file=/etc/hostname",
                                 "kafka://one:9092?no=1",
                                 "kafka://one:9092?sasl=GSSAPI",
                                 "kafka://one:9092?sasl=PLAIN",
                                 "kafka://u:p@one:9092",
                                 "kafka://u@one:9092?sasl=PLAIN&tls=true",
                                 "kafka://u:%zz@one:9092?sasl=PLAIN&tls=true",
                                 "kafka://u:p%4@one:9092?sasl=PLAIN&tls=true",
                                 "kafka://one:9092?tls=yes",
                                 "kafka://one:9092?ca=x",
                                 "kafka://one:9092?tls=true&cert=x",
                                 "kafka://one:9092?session=1ms",
                                 "kafka://one:9092?buffer=0",
                                 "kafka://one:9092?prefix=a/b"}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, "invalid_url") << text;
    EXPECT_EQ(url.error().retry, Retry::never);
  }
}

TEST(KafkaUrl, LetsNoPasswordGoReadableOverANetwork) {
  const auto refused = parse_url("kafka://u:secret@127.0.0.1:9092,elsewhere:9092?sasl=PLAIN");
  ASSERT_FALSE(refused);
  EXPECT_EQ(parse_url("kafka://u:secret@127.0.0.1.evil.org:9092?sasl=PLAIN").error().code, "insecure_credentials");
  EXPECT_EQ(refused.error().code, "insecure_credentials");
  EXPECT_EQ(refused.error().message.find("secret"), std::string::npos);
  for (const auto* const fine :
       {"kafka://u:secret@127.0.0.1:9092,localhost:1,[::1]:2?sasl=PLAIN",
        "kafka://u:secret@elsewhere:9092?sasl=PLAIN&tls=true", "kafka://u:secret@elsewhere:9092?sasl=SCRAM-SHA-256",
        "kafka://u:secret@elsewhere:9092?sasl=PLAIN&allow_plaintext=true"})
    EXPECT_TRUE(parse_url(fine)) << fine;
}

TEST(KafkaUrl, NeverShowsThePassword) {
  for (const auto* const text :
       {"kafka://u:secret@one:9092?no=1", "kafka://u:sec@secret@one", "kafka://u:secret@one:9092?sasl=x@y",
        "kafka://secret:secret@", "kafka://u:secret?x@one:9092"}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().message.find(":secret"), std::string::npos) << url.error().message;
    EXPECT_EQ(url.error().message.find("sec@"), std::string::npos) << url.error().message;
  }
}

struct Lines final : LogSink {
  void write(LogLevel, std::string_view line) override { all += std::string(line) + "\n"; }
  std::string all;
};

TEST(KafkaLog, ShowsNoPasswordAndTellsEachKindOncePerSecond) {
  Lines lines;
  LogRelay relay(lines, parse_url("kafka://u:p%40ss@127.0.0.1:9092?sasl=PLAIN").or_throw());
  relay.write(3, "FAIL", "who is p@ss, p@ss\x1b[31m");
  relay.write(3, "FAIL", "again");
  relay.write(3, "FAIL", "and again");
  relay.write(4, "OTHER", "p@ss");
  EXPECT_EQ(lines.all, "kafka: FAIL: who is ***, ***\\x1B[31m\nkafka: OTHER: ***\n");
  EXPECT_EQ(relay.last_trouble(), "and again");
  relay.write(3, "ERROR", "1/1 brokers are down");
  EXPECT_EQ(relay.last_trouble(), "and again") << "why is told, not that";
}

}  // namespace
}  // namespace tidings::brokers::kafka
