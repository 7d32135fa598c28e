#include <atomic>

#include "tidings/brokers/open.hpp"
#include "tidings/testing/broker_conformance_gtest.hpp"

namespace {

using namespace tidings;

class Memory final : public tidings::testing::BrokerUnderTest {
 public:
  Result<std::unique_ptr<Broker>> open(const BrokerOptions& options) override {
    return open_broker("memory:" + name_, options);
  }
  Result<std::unique_ptr<Broker>> open_bounded(std::size_t bytes) override {
    return open_broker("memory:" + name_ + "-bounded?bytes_max=" + std::to_string(bytes));
  }

 private:
  static inline std::atomic<int> number = 0;
  std::string name_ = "conformance-" + std::to_string(number++);
};

}  // namespace

// Nothing outlives the process, and nothing is between it and the broker.
TIDINGS_BROKER_CONFORMANCE(memory, [] { return std::make_unique<Memory>(); },
                           {"attempts_survive_the_crash_of_their_process",
                            "what_was_acknowledged_stays_so_after_a_restart",
                            "a_producers_events_are_known_after_a_restart",
                            "an_unknown_outcome_is_told_apart_from_a_failure", "reconnects_after_the_broker_restarts"});
