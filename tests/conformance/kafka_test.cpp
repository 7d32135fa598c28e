#include <gtest/gtest.h>

#include <atomic>

#include "testing/servers/kafka_server.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/testing/broker_conformance_gtest.hpp"

namespace {

using namespace tidings;

class Kafka final : public tidings::testing::BrokerUnderTest {
 public:
  Result<std::unique_ptr<Broker>> open(const BrokerOptions& given) override {
    auto options = given;
    if (options.topic_defaults.partitions == 0) options.topic_defaults.partitions = 1;  // as the cases take it
    return open_broker("kafka://" + std::string(std::getenv("KAFKA")) + "?session=3s&prefix=" + prefix_, options);
  }

 private:
  static inline std::atomic<int> number = 0;
  std::string prefix_ = "c" + std::to_string(::getpid()) + "-" + std::to_string(number++) + ".";
};

}  // namespace

TIDINGS_BROKER_CONFORMANCE(kafka, [] { return std::make_unique<Kafka>(); },
                           {"attempts_survive_the_crash_of_their_process",
                            "back_pressure_is_reported_within_the_deadline",
                            "what_a_producer_publishes_twice_is_there_once",
                            "a_producer_is_fenced_by_its_successor",
                            "a_producers_events_are_known_after_a_restart"});
