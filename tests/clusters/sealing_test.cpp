// Sealed events over real servers: what they are made of survives the way, and a service with the key reads them.
#include "testing/servers/keys.hpp"
#include "tests/clusters/clusters.hpp"
#include "tidings/event/redact.hpp"
#include "tidings/event/sealer.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

struct Payment {
  std::string id;
  std::string iban;
  static constexpr traits<Payment> event{.name = "test.payment",
                                         .topic = "payments",
                                         .key = &Payment::id,
                                         .encrypted = true,
                                         .redacted = redact<&Payment::iban>};
};

class SealingOverClusters : public ClusterTest {};
INSTANTIATE_TEST_SUITE_P(Brokers, SealingOverClusters, both_clusters(), broker_of);

TEST_P(SealingOverClusters, WhatIsSealedIsOpenedAtTheOtherEnd) {
  const auto keys = tidings::testing::key_text("2026", 1);
  auto& service = make({.settings = {{"encryption.keys", keys}}});
  Record<std::string> seen;
  service.on("book", {}, [&](const Payment& payment) { seen.add(payment.id + payment.iban); });
  const auto running = start();
  auto other = open();
  auto elsewhere =
      Service::create(
          {.name = "elsewhere", .broker = other.get(), .settings = {{"encryption.keys", keys}}, .log = &lines_})
          .or_throw();
  elsewhere.publish(Payment{"a", "DE89"}).or_throw();
  // Of nobody, and with a key that is no ASCII: both are authenticated, so they must come as they went.
  auto bare = make_envelope(Payment{"ä", "DE90"}).or_throw();
  tidings::testing::keyring(keys).seal(bare).or_throw();
  other->publish("payments", std::array{bare.view()}).or_throw();
  ASSERT_TRUE(seen.wait(2)) << lines_.all();
  auto values = seen.values();
  std::ranges::sort(values);
  EXPECT_EQ(values, (std::vector<std::string>{"aDE89", "äDE90"}));
  for (const auto& event : read("payments")) {
    EXPECT_TRUE(is_sealed(event.view()));
    EXPECT_EQ(seal_key(event.view()), "2026");
    EXPECT_EQ(event.headers.get(redact_header), "/iban");
    for (const auto* const iban : {"DE89", "DE90"}) EXPECT_EQ(event.payload.find(iban), std::string::npos);
  }
}

TEST_P(SealingOverClusters, WhatNobodySealedIsRefused) {
  broker_->create_topic("payments", {}).or_throw();
  const auto event = make_envelope(Payment{"a", "DE89"}, {.source = "test"}).or_throw();
  EXPECT_EQ(broker_->publish("payments", std::array{event.view()}).error().code, "not_sealed");
  auto publisher = broker_->publisher("payments").or_throw();
  EXPECT_EQ(publisher->publish(std::array{event.view()}, [](const auto&) {}).error().code, "not_sealed");
  EXPECT_TRUE(read("payments").empty());
}

}  // namespace
}  // namespace tidings::service
