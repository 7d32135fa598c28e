#include <gtest/gtest.h>

#include <thread>

#include "brokers/kafka/producer.hpp"

namespace tidings::brokers::kafka {
namespace {

using namespace std::chrono_literals;

struct Silent final : LogSink {
  void write(LogLevel, std::string_view) override {}
};

/// What librdkafka refuses at once was never on its way, and who waits for its room hears of it.
TEST(KafkaRoom, WhoWaitsForRoomGetsThatOfWhatWasRefused) {
  Silent sink;
  const auto url = parse_url("kafka://127.0.0.1:1?buffer=64KiB").or_throw();
  auto client = ProducerClient::open(url, std::make_shared<LogRelay>(sink, url)).or_throw();
  auto topic = client->topic("t", std::chrono::steady_clock::now()).or_throw();
  const std::string payload(60'000, 'x');
  const EnvelopeView event{.id = "1", .type = "t", .payload = payload};
  auto routing = route({&event, 1}, {}, 1, 100'000, 0).or_throw();
  constexpr std::uint64_t overhead = 512;
  client->reserve(size_bytes(event) + overhead, std::chrono::steady_clock::now() + 1s).or_throw();
  std::atomic<bool> waits = false;
  Result<> waited;
  Duration took{};
  std::jthread other([&] {
    waits = true;
    const auto begun = std::chrono::steady_clock::now();
    waited = client->reserve(10'000, begun + 20s);
    took = std::chrono::steady_clock::now() - begun;
  });
  while (!waits) std::this_thread::yield();
  std::this_thread::sleep_for(100ms);
  client->fail_for_tests();
  client->send(*topic, routing, &event, std::make_shared<Pending>(routing.places),
               std::chrono::steady_clock::now() + 1s);
  EXPECT_TRUE(client->is_dead());
  other.join();
  EXPECT_TRUE(waited) << to_string(waited.error());
  EXPECT_LT(took, 10s);
}

}  // namespace
}  // namespace tidings::brokers::kafka
