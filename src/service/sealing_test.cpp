// What is to be encrypted leaves sealed, on every way out, or not at all; and is opened for who handles it.
#include <thread>
#include <variant>

#include "service/claims.hpp"
#include "service/sealing_testing.hpp"
#include "tidings/outbox/enqueue.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

TEST_F(SealingTest, WhatIsPublishedLeavesSealedAndComesOpen) {
  auto& service = make_with_keys();
  Record<std::string> seen;
  Record<bool> as_it_came;
  service.use("look", [&](DeliveryCall& call) {
    as_it_came.add(is_sealed(call.context(0).envelope()));
    return call.next();
  });
  service.on("book", {}, [&](const Payment& payment, Context& context) {
    seen.add(payment.id + payment.from);
    return context.publish(Receipt{payment.id});
  });
  service.on("file", {}, [&](const Batch<Receipt>& receipts) {
    for (const auto& receipt : receipts) seen.add(receipt.event.id + receipt.event.from);
  });
  const auto running = start();
  service.publish(Payment{"a"}).or_throw();
  service.publish_all(std::vector<Payment>{{"b"}, {"c"}}).or_throw();
  ASSERT_TRUE(seen.wait(6)) << lines_.all();
  auto values = seen.values();
  std::ranges::sort(values);
  EXPECT_EQ(values, (std::vector<std::string>{"a" + iban, "a" + iban, "b" + iban, "b" + iban, "c" + iban, "c" + iban}));
  EXPECT_EQ(sealed("payments"), 3U);
  EXPECT_EQ(sealed("receipts"), 3U);
  EXPECT_EQ(shown_in(), Places{});
  for (const bool sealed : as_it_came.values()) EXPECT_TRUE(sealed);
}

TEST_F(SealingTest, WithoutAKeyNothingLeavesInTheOpen) {
  use_store();
  auto& service = make({.store = store_.get()});
  Record<std::string> codes;
  const auto note = [&](const Result<>& done) { codes.add(done ? "left" : done.error().code); };
  service.on("try", {}, [&](const Order& order, Context& context) {
    note(context.publish(Payment{order.id}));
    note(context.publish_after(Payment{order.id}, 1h));
    note(context.publish_envelope("payments", make_envelope(Payment{order.id}).or_throw()));
    note(context.publish_envelope("test.replies", make_envelope(Payment{order.id}).or_throw()));
  });
  service.on("try-with-a-transaction", {},
             [&](const Order& order, Context& context, Transaction&) { note(context.publish(Payment{order.id})); });
  publish(Order{"a", 1});
  const auto running = start();
  note(service.publish(Payment{"a"}));
  note(service.publish_after(Payment{"a"}, 1h));
  note(service.publish_envelopes("payments", std::vector{make_envelope(Payment{"a"}).or_throw()}));
  const auto reply = service.request<Receipt>(Payment{"a"}, {.deadline = 5s});
  note(reply ? Result<>{} : reply.error());
  ASSERT_TRUE(codes.wait(9)) << lines_.all();
  for (const auto& code : codes.values()) EXPECT_EQ(code, "no_key");
  EXPECT_FALSE(broker_->topic("payments"));
  EXPECT_EQ(shown_in(), Places{});
}

// Whatever a program does beside the service.
TEST_F(SealingTest, NeitherABrokerNorAnOutboxTakesWhatNobodySealed) {
  use_store();
  const auto event = make_envelope(Payment{"a"}, {.source = "test"}).or_throw();
  const std::array views{event.view()};
  for (const auto* const url : {"memory:", "log:FOLDER/log"}) {
    std::string at = url;
    if (const auto folder = at.find("FOLDER"); folder != at.npos) at.replace(folder, 6, folder_.path());
    auto broker = open_broker(at, {.log = &lines_}).or_throw();
    EXPECT_EQ(broker->publish("payments", views).error().code, "not_sealed") << url;
    auto publisher = broker->publisher("payments", {});
    if (publisher) {
      EXPECT_EQ((*publisher)->publish(views, [](const auto&) {}).error().code, "not_sealed") << url;
    }
  }
  for (const bool encoded : {false, true}) {
    auto tx = store_->begin(10s).or_throw();
    const auto put =
        encoded ? outbox::enqueue_envelope(*tx, "payments", event.view()) : outbox::enqueue(*tx, Payment{"a"});
    EXPECT_EQ(put.error().code, "not_sealed");
    EXPECT_FALSE(tx->commit()) << "the transaction has failed";
  }
  EXPECT_EQ(shown_in(), Places{});
}

TEST_F(SealingTest, RequestsAndRepliesToo) {
  auto& service = make_with_keys();
  service.on("answer", {}, [](const Asked& asked, Context& context) { return context.reply(Receipt{asked.id}); });
  const auto running = start();
  const auto reply = service.request<Receipt>(Asked{"a"}, {.deadline = 30s});
  ASSERT_TRUE(reply) << to_string(reply.error());
  EXPECT_EQ(reply->id + reply->from, "a" + iban);
  const auto either = service.request<std::variant<Order, Receipt>>(Asked{"b"}, {.deadline = 30s});
  ASSERT_TRUE(either) << to_string(either.error());
  EXPECT_EQ(std::get<Receipt>(*either).id, "b");
  EXPECT_EQ(sealed("asked"), 2U);
  EXPECT_EQ(sealed("test.replies"), 2U);
}

TEST_F(SealingTest, AReplyThatCannotBeOpenedSaysSo) {
  auto& service = make_with_keys();
  service.on("answer", {}, [](const Asked& asked, Context& context) {
    auto reply = make_envelope(Receipt{asked.id}, {.source = "test"}).or_throw();
    reply.headers.set(reply_to_header, context.envelope().id);
    keyring(new_key).seal(reply).or_throw();
    return context.publish_envelope(*context.envelope().headers.get(reply_topic_header), std::move(reply));
  });
  const auto running = start();
  const auto reply = service.request<Receipt>(Asked{"a"}, {.deadline = 30s});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, "unknown_key");
}

TEST_F(SealingTest, LargePayloadsWaitSealedInTheirFolder) {
  Claims(folder_.path() + "/claims", 10, {}, *clock_).create().or_throw();
  auto& service = make_with_keys({{"claim_check.folder", folder_.path() + "/claims"}, {"claim_check.above", "10"}});
  Record<std::string> seen;
  service.on("book", {}, [&](const Payment& payment) { seen.add(payment.from); });
  service.on_any("archive", {"payments"}, {}, [&](const EnvelopeView& event, Context&) {
    seen.add(std::string(is_sealed(event) ? "sealed " : "open ") +
             std::to_string(service.payload(event).or_throw().find(iban) != std::string::npos));
  });
  const auto running = start();
  service.publish(Payment{"a"}).or_throw();
  ASSERT_TRUE(seen.wait(2)) << lines_.all();
  auto values = seen.values();
  std::ranges::sort(values);
  EXPECT_EQ(values, (std::vector<std::string>{iban, "sealed 1"}));
  EXPECT_TRUE(read("payments").front().payload.empty());
  EXPECT_EQ(shown_in(), Places{});
}

// A handler's publication is sealed once, whatever happens on its way: it would be deposited again under each nonce.
TEST_F(SealingTest, WhatIsSentAgainIsTheSame) {
  Claims(folder_.path() + "/claims", 10, {}, *clock_).create().or_throw();
  auto& service = make_with_keys({{"claim_check.folder", folder_.path() + "/claims"}, {"claim_check.above", "10"}});
  service.on("pay", {}, [](const Order& order, Context& context) { return context.publish(Payment{order.id}); });
  broker_->fail_publish("payments", 3, {"unavailable", "away", Retry::same_call});
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return read("payments").size() == 1; })) << lines_.all();
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path() + "/claims"))
    if (entry.path().extension() == ".payload") ++files;
  EXPECT_EQ(files, 1U);
}

}  // namespace
}  // namespace tidings::service
