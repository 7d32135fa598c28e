// Topics that are synced in the background.
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "brokers/log/testing.hpp"
#include "log/control.hpp"
#include "tidings/base/atomic_file.hpp"

namespace tidings::brokers {
namespace {

using namespace std::chrono_literals;

class IntervalTopics : public LogBroker {
 protected:
  /// Waits for it.
  bool is_synced_to(std::uint64_t end) {
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (std::chrono::steady_clock::now() < until) {
      const auto control = read_file(folder + "/orders/0/control").or_throw();
      std::uint64_t durable = 0;
      std::memcpy(&durable, control.data() + offsetof(tidings::log::Control, durable), sizeof durable);
      if (durable == end) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }
};

TEST_F(IntervalTopics, ADeleteThatIsRefusedEndsNoSyncing) {
  auto reader = open();
  auto broker = open();
  broker->create_topic("orders", {.durability = Durability::interval}).or_throw();
  auto consumer = reader->subscribe("orders", {.group = "g"}).or_throw();
  publish(*broker, "orders", "0");
  EXPECT_EQ(broker->delete_topic("orders").error().code, "busy");
  EXPECT_TRUE(is_synced_to(1));
  publish(*broker, "orders", "1");
  EXPECT_TRUE(is_synced_to(2));
}

}  // namespace
}  // namespace tidings::brokers
