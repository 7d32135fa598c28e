// What a raw client or an old program writes to a broker, beside all checks, holds up nothing, and is handled as the
// settings say.
#include <algorithm>
#include <atomic>
#include <thread>

#include "service/delays.hpp"
#include "service/sealing_testing.hpp"
#include "tidings/service/dead_letters.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

/// A broker whose topics hold what no check of ours has seen: events with this header come with the mark that they be
/// sealed.
constexpr std::string_view raw_mark = "raw-mark";

class AsRawClientsWrite final : public Wrapped {
 public:
  using Wrapped::Wrapped;
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) override {
    auto consumer = Wrapped::subscribe(topic, options);
    if (!consumer) return consumer.error();
    return std::make_unique<Member>(std::move(*consumer));
  }

 private:
  class Member final : public WrappedConsumer {
   public:
    using WrappedConsumer::WrappedConsumer;
    Result<std::vector<Delivery>> fetch(std::size_t max, Duration wait_max) override {
      auto got = WrappedConsumer::fetch(max, wait_max);
      if (!got) return got;
      for (auto& one : *got) {
        if (!one.envelope.headers.get(raw_mark)) continue;
        auto kept =
            std::make_shared<std::pair<std::shared_ptr<const void>, Headers>>(one.owner, Headers(one.envelope.headers));
        kept->second.remove(raw_mark);
        kept->second.set(encryption_header, encryption_required);
        one.envelope.headers = kept->second.view();
        one.owner = std::move(kept);
      }
      return got;
    }
  };
};

class SealingStrangersTest : public SealingTest {
 protected:
  SealingStrangersTest() { use_raw_clients(); }
  void use_raw_clients() {
    broker_ = std::make_unique<Moody>(
        std::make_unique<AsRawClientsWrite>(open_broker("memory:", {.clock = clock_, .log = &lines_}).or_throw()));
  }
  /// As its publisher made it, and nobody sealed it.
  static Envelope raw(const Payment& payment) {
    auto event = make_envelope(payment, {.source = "elsewhere"}).or_throw();
    event.headers.remove(encryption_header);
    event.headers.set(raw_mark, "");
    return event;
  }
  std::map<std::string, std::string> codes(std::string_view topic) {
    std::map<std::string, std::string> all;
    for (const auto& letter : letters(topic)) all[letter.key] = letter.headers.get(dead_letter::code).value_or("");
    return all;
  }
};

TEST_F(SealingStrangersTest, AnEventThatWantsToBeSealedAndIsNotIsParkedAndDrivenAgain) {
  auto& service = make_with_keys();
  std::atomic<bool> is_bad = true;
  Record<std::string> seen;
  service.on("book", {.concurrency = 1, .retry = {.immediate = 0, .delayed = 0}},
             [&](const Payment& payment) -> Result<> {
               if (is_bad && payment.id != "after") return Error{"bad", "it is bad"};
               seen.add(payment.id);
               return {};
             });
  publish_raw("payments", raw({"raw"}));
  const auto running = start();
  service.publish(Payment{"after"}).or_throw();
  ASSERT_TRUE(caught_up("payments", "test.book")) << "its partition goes on: " << lines_.all();
  ASSERT_EQ(seen.values(), std::vector<std::string>{"after"});
  const auto parked = letters("test.book.dead-letters");
  ASSERT_EQ(parked.size(), 1U) << lines_.all();
  EXPECT_EQ(parked.front().headers.get(encryption_header), encryption_asked_for) << "what came is told";
  EXPECT_EQ(parked.front().headers.get(dead_letter::code), "bad");
  DeadLetters::read(*broker_, "test.book").or_throw().publish({}, "").or_throw();
  ASSERT_TRUE(eventually([&] { return lines_.count("again, in vain") == 1; })) << lines_.all();
  is_bad = false;
  DeadLetters::read(*broker_, "test.book").or_throw().publish({}, "").or_throw();
  ASSERT_TRUE(seen.wait(2)) << lines_.all();
  EXPECT_EQ(seen.values().back(), "raw");
}

// Nothing of one's own leaves in the open by it.
TEST_F(SealingStrangersTest, WhatAHandlerPassesOnIsSealed) {
  auto& service = make_with_keys();
  service.on_any("copy", {"payments"}, {}, [](const EnvelopeView& event, Context& context) {
    return context.publish_envelope("copies", Envelope(event));
  });
  publish_raw("payments", raw({"raw"}));
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return read("copies").size() == 1; })) << lines_.all();
  EXPECT_EQ(sealed("copies"), 1U);
}

TEST_F(SealingStrangersTest, WhatWaitsGoesOnWithWhatAStrangerLetWait) {
  ManualClock manual;
  clock_ = &manual;
  use_raw_clients();
  auto& service = make_with_keys();
  Record<std::string> seen;
  service.on("book", {}, [&](const Payment& payment) { seen.add(payment.id); });
  {
    const auto running = start();
    service.publish_after(Payment{"ours"}, 10min).or_throw();
    auto stranger = raw({"raw"});
    stranger.headers.set(due_header, to_rfc3339(manual.now() + 10min));
    stranger.headers.set(delay::topic, "payments");
    std::string level;
    for (const auto& topic : broker_->topics().or_throw())
      if (topic.name.starts_with("tidings.") && !read(topic.name).empty()) level = topic.name;
    ASSERT_FALSE(level.empty());
    publish_raw(level, stranger);
    for (int steps = 0; steps < 20'000 && seen.size() < 2; ++steps) {
      manual.advance(1s);
      std::this_thread::sleep_for(500us);
    }
    ASSERT_TRUE(seen.wait(2)) << lines_.all();
  }
  service_.reset();
  use_clock(system_clock());
}

TEST_F(SealingStrangersTest, PlainOnesAreRefusedWhereASettingSaysSo) {
  auto& service = make_with_keys({{"encryption.refuse_plain", "true"}, {"encryption.types", "test.con*"}});
  Record<std::string> seen;
  service.on("book", {}, [&](const Payment& payment) { seen.add(payment.id); });
  service.on("file", {}, [&](const Batch<Payment>& payments) {
    for (const auto& one : payments) seen.add(one.event.id);
  });
  service.on("send", {}, [&](const Confirmed& confirmed) { seen.add(confirmed.id); });
  service.on("take", {}, [&](const Order& order) { seen.add(order.id); });
  auto forged = make_envelope(Payment{"forged"}, {.source = "elsewhere"}).or_throw();
  forged.headers.remove(encryption_header);
  publish_raw("payments", forged);
  publish_raw("payments", raw({"raw"}));
  publish(Confirmed{"plain", ""});
  publish(Order{"order", 1});
  const auto running = start();
  service.publish(Payment{"sealed"}).or_throw();
  ASSERT_TRUE(seen.wait(3)) << lines_.all();
  for (const auto& [topic, group] :
       {std::pair("payments", "test.book"), {"payments", "test.file"}, {"mails", "test.send"}})
    ASSERT_TRUE(caught_up(topic, group)) << lines_.all();
  auto values = seen.values();
  std::ranges::sort(values);
  EXPECT_EQ(values, (std::vector<std::string>{"order", "sealed", "sealed"}));
  using Codes = std::map<std::string, std::string>;
  for (const auto* const group : {"test.book", "test.file"})
    EXPECT_EQ(codes(dead_letters_of(group)), (Codes{{"forged", "not_sealed"}, {"raw", "not_sealed"}}));
  EXPECT_EQ(codes("test.send.dead-letters"), (Codes{{"plain", "not_sealed"}}));
}

TEST_F(SealingStrangersTest, PlainOnesAreHandledWhereNothingIsSaid) {
  auto& service = make_with_keys();
  Record<std::string> seen;
  service.on("book", {}, [&](const Payment& payment) { seen.add(payment.id); });
  auto old = make_envelope(Payment{"old"}, {.source = "elsewhere"}).or_throw();
  old.headers.remove(encryption_header);
  publish_raw("payments", old);
  const auto running = start();
  ASSERT_TRUE(seen.wait(1)) << lines_.all();
}

// A reply is no less an event.
TEST_F(SealingStrangersTest, PlainRepliesAreRefusedToo) {
  auto& service = make_with_keys({{"encryption.refuse_plain", "true"}});
  service.on("answer", {}, [](const Order& order, Context& context) {
    auto reply = make_envelope(Receipt{order.id}, {.source = "test"}).or_throw();
    reply.headers.set(reply_to_header, context.envelope().id);
    reply.headers.remove(encryption_header);
    return context.publish_envelope(*context.envelope().headers.get(reply_topic_header), std::move(reply));
  });
  service.requests<Order, Receipt>();
  const auto running = start();
  const auto reply = service.request<Receipt>(Order{"a", 1}, {.deadline = 30s});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, "not_sealed");
}

// Whatever the setting says: its content type was changed on its way.
TEST_F(SealingStrangersTest, WhatNamesAKeyAndIsNotSealedIsDamaged) {
  auto& service = make_with_keys();
  Record<std::string> seen;
  service.on("book", {}, [&](const Payment& payment) { seen.add(payment.id); });
  auto forged = make_envelope(Payment{"forged"}, {.source = "elsewhere"}).or_throw();
  forged.headers.set(encryption_header, "A256GCM");
  forged.headers.set(encryption_key_header, "2026");
  publish_raw("payments", forged);
  const auto running = start();
  ASSERT_TRUE(caught_up("payments", "test.book")) << lines_.all();
  EXPECT_EQ(seen.size(), 0U);
  EXPECT_EQ(codes("test.book.dead-letters"), (std::map<std::string, std::string>{{"forged", "not_authentic"}}));
  EXPECT_EQ(service.payload(forged.view()).error().code, "not_authentic");
}

}  // namespace
}  // namespace tidings::service
