#include "testing/servers/server_conformance.hpp"
#include "testing/servers/shared_kafka.hpp"
#include "tidings/brokers/open.hpp"

namespace {

using namespace tidings;
using tidings::testing::SharedKafka;

class Kafka final : public tidings::testing::BrokerUnderTest {
 public:
  Kafka() {
    if (auto& kafka = SharedKafka::get(); kafka.ready()) url_ = kafka.fresh_url(true);
  }

  Result<std::unique_ptr<Broker>> open(const BrokerOptions& options) override {
    if (auto ready = SharedKafka::get().ready(); !ready) return ready.error();
    // The suite's topics have one partition where it says nothing else.
    auto adapted = options;
    if (adapted.topic_defaults.partitions == 0) adapted.topic_defaults.partitions = 1;
    return open_broker(url_, adapted);
  }
  // A group is shared out anew in some tenths of a second, each time somebody comes or goes.
  [[nodiscard]] Duration patience() const override { return std::chrono::seconds{60}; }
  Result<> restart_server() override { return SharedKafka::get().server().restart(); }
  Result<> lose_answers(bool lose) override {
    SharedKafka::get().proxy().lose_answers(lose);
    return {};
  }

 private:
  std::string url_;
};

// Kafka has no bound but its disk, tells nobody whom it has heard of before, and forgets attempts with the process.
const bool registered = tidings::testing::register_server_conformance(
    "kafka", tidings::testing::kafka_is_there(), [] { return std::make_unique<Kafka>(); },
    {"attempts_survive_the_crash_of_their_process", "back_pressure_is_reported_within_the_deadline",
     "what_a_producer_publishes_twice_is_there_once", "a_producer_is_fenced_by_its_successor",
     "a_producers_events_are_known_after_a_restart"});

}  // namespace
