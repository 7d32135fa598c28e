// What is computed without a server: partitions, the commit's record, a topic's configuration.
#include <gtest/gtest.h>

#include "brokers/kafka/commit_record.hpp"
#include "brokers/kafka/murmur2.hpp"
#include "brokers/kafka/names.hpp"
#include "brokers/kafka/partitioning.hpp"
#include "brokers/kafka/topic_config.hpp"
#include "tidings/base/key_hash.hpp"

namespace tidings::brokers::kafka {
namespace {

using namespace std::chrono_literals;

/// As Kafka's own UtilsTest has them.
TEST(KafkaPartitions, AreThoseOfJavaClientsByMurmur2) {
  const auto positive = [](std::int32_t hash) { return static_cast<std::uint32_t>(hash) & 0x7fffffffU; };
  EXPECT_EQ(murmur2("21"), positive(-973932308));
  EXPECT_EQ(murmur2("foobar"), positive(-790332482));
  EXPECT_EQ(murmur2("a-little-bit-long-string"), positive(-985981536));
  EXPECT_EQ(murmur2("a-little-bit-longer-string"), positive(-1486304829));
  EXPECT_EQ(murmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), positive(-58897971));
  EXPECT_EQ(murmur2("abc"), positive(479470107));
}

TEST(KafkaPartitions, AreXxh64sUnlessAskedOtherwise) {
  const TopicFacts facts{.partitions = 4, .traits = {.event_bytes_max = 1000}};
  std::vector<EnvelopeView> events;
  for (const auto* const key : {"a", "b", "foobar", "", "21"})
    events.push_back({.id = "1", .type = "t", .key = key, .payload = ""});
  const auto ours = partition(events, {}, facts, 7, false).or_throw();
  const auto javas = partition(events, {}, facts, 7, true).or_throw();
  for (std::size_t index = 0; index < events.size(); ++index) {
    const auto key = events[index].key;
    EXPECT_EQ(ours.places[index].partition.value, key.empty() ? 3 : key_hash(key) % 4) << key;
    EXPECT_EQ(javas.places[index].partition.value, key.empty() ? 3 : murmur2(key) % 4) << key;
  }
  EXPECT_EQ(partition(events, {.partition = Partition{2}}, facts, 7, true).or_throw().parts.size(), 1U);
  EXPECT_EQ(partition(events, {.partition = Partition{4}}, facts, 7, true).error().code, "invalid_options");
  const std::string large(2000, 'x');
  events.push_back({.id = "1", .type = "t", .payload = large});
  EXPECT_EQ(partition(events, {}, facts, 7, true).error().code, "too_large");
}

TEST(KafkaCommitRecord, IsReadAsItWasWritten) {
  const CommitRecord record{{.handled = 1, .parked = 2, .expired = 3, .skipped = ~std::uint64_t{0}, .gaps = 4}, 5};
  EXPECT_EQ(to_text(record), "tidings1 handled=1 parked=2 expired=3 skipped=18446744073709551615 gaps=4 beyond=5");
  EXPECT_EQ(parse_commit_record(to_text(record)), record);
  for (const auto* const others : {"", "NA", "tidings2 handled=1", "tidings1", "tidings1 later=7 =", "handled=1"})
    EXPECT_EQ(parse_commit_record(others), CommitRecord{}) << others;
  EXPECT_EQ(parse_commit_record("tidings1 parked=4 later=7").counts.parked, 4U);
}

TEST(KafkaTopicConfig, KeepsWhatATopicIs) {
  for (const auto durability : {Durability::memory, Durability::interval, Durability::durable})
    for (const auto bytes : {std::size_t{1}, std::size_t{4096}, event_bytes_max_default, std::size_t{64} << 20})
      for (const auto& retention :
           {Retention{}, Retention{.bytes = 1 << 30}, Retention{.age = 24h * 3650}, Retention{.bytes = 1, .age = 1s}}) {
        const TopicOptions options{.durability = durability, .event_bytes_max = bytes, .retention = retention};
        ASSERT_TRUE(check_supported(options));
        const auto traits = traits_of(to_config(options));
        EXPECT_EQ(traits.durability, durability);
        EXPECT_EQ(traits.event_bytes_max, bytes);
        EXPECT_EQ(traits.retention, retention);
      }
  EXPECT_EQ(check_supported(TopicOptions{.event_bytes_max = (std::size_t{64} << 20) + 1}).error().code, "unsupported");
  EXPECT_EQ(check_supported(TopicOptions{.retention = Retention{.waits_for_groups = true}}).error().code,
            "unsupported");
  // One that others made, as Kafka makes it.
  const auto foreign = traits_of(
      {{"max.message.bytes", "1048588"}, {"retention.ms", "604800000"}, {"flush.messages", "9223372036854775807"}});
  EXPECT_EQ(foreign.durability, Durability::memory);
  EXPECT_EQ(foreign.retention.age, 168h);
  EXPECT_LT(foreign.event_bytes_max, 1'048'588U);
  EXPECT_GT(foreign.event_bytes_max, 1'000'000U);
}

TEST(KafkaNames, AreOursAndTheirs) {
  const Names names("shop.");
  EXPECT_EQ(names.topic("orders"), "shop.orders");
  EXPECT_EQ(names.group("orders", "stock.reserve"), "shop.stock.reserve@shop.orders");
  EXPECT_EQ(names.our_topic("shop.orders"), "orders");
  EXPECT_EQ(names.our_topic("shop."), std::nullopt);
  EXPECT_EQ(names.our_topic("others"), std::nullopt);
  EXPECT_EQ(names.our_group("shop.stock.reserve@shop.orders", "orders"), "stock.reserve");
  EXPECT_EQ(names.our_group("shop.stock.reserve@shop.more-orders", "orders"), std::nullopt);
  EXPECT_EQ(names.our_group("stock@shop.orders", "orders"), std::nullopt);
}

}  // namespace
}  // namespace tidings::brokers::kafka
