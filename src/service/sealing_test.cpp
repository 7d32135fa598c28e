// What is to be encrypted leaves sealed, on every way out, or not at all; and is opened for who handles it.
#include "service/sealing.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <variant>

#include "service/claims.hpp"
#include "service/host.hpp"
#include "service/testing.hpp"
#include "testing/servers/keys.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tidings/aggregate/rebuild.hpp"
#include "tidings/aggregate/repository.hpp"
#include "tidings/aggregate/schema.hpp"
#include "tidings/outbox/enqueue.hpp"
#include "tidings/outbox/schema.hpp"
#include "tidings/saga/define.hpp"
#include "tidings/service/dead_letters.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

using tidings::testing::key_text;
using tidings::testing::keyring;

/// Stands in every payload that is to be sealed, and must stand nowhere else.
const std::string iban = "DE89370400440532013000";

struct Payment {
  std::string id;
  std::string from = iban;
  static constexpr traits<Payment> event{
      .name = "test.payment", .topic = "payments", .key = &Payment::id, .encrypted = true};
};
struct Receipt {
  std::string id;
  std::string from = iban;
  static constexpr traits<Receipt> event{
      .name = "test.receipt", .topic = "receipts", .key = &Receipt::id, .encrypted = true};
};
struct Asked {
  std::string id;
  std::string from = iban;
  static constexpr traits<Asked> event{.name = "test.asked", .topic = "asked", .key = &Asked::id, .encrypted = true};
};

const std::string old_key = key_text("2026", 1);
const std::string new_key = key_text("2027", 2);

class SealingTest : public ServiceTest {
 protected:
  ~SealingTest() override {
    stop();
    service_.reset();
  }
  Service& make_with_keys(std::vector<SettingValue> more = {}, const std::string& keys = old_key) {
    more.push_back({"encryption.keys", keys});
    return make({.store = store_.get(), .settings = std::move(more)});
  }
  void use_store() {
    store_ = open_store("sqlite:" + folder_.path() + "/test.db").or_throw();
    outbox::apply_schema(*store_).or_throw();
  }
  /// How many events of the type there are, of which each is sealed; none of any type shows the number.
  std::size_t sealed(std::string_view topic, std::string_view key = "2026") {
    std::size_t count = 0;
    for (const auto& event : read(topic)) {
      EXPECT_TRUE(is_sealed(event.view())) << event.type;
      EXPECT_EQ(seal_key(event.view()), key);
      ++count;
    }
    return count;
  }
  /// Where the number can be read: topics, and files beside the broker.
  std::vector<std::string> shown_in() {
    std::vector<std::string> places;
    for (const auto& topic : broker_->topics().or_throw())
      for (const auto& event : read(topic.name))
        if (event.payload.find(iban) != event.payload.npos) places.push_back(topic.name);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string text(std::istreambuf_iterator<char>(file), {});
      if (text.find(iban) != text.npos) places.push_back(entry.path().filename().string());
    }
    if (lines_.count(iban) > 0) places.push_back("the log");
    return places;
  }
  using Places = std::vector<std::string>;

  const tidings::testing::TemporaryFolder folder_ = tidings::testing::TemporaryFolder::make("sealing").or_throw();
  std::unique_ptr<Store> store_;
};

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

TEST_F(SealingTest, AProgramsOwnTransactionTakesAKeyring) {
  use_store();
  const auto keys = keyring(old_key);
  const auto event = make_envelope(Payment{"b"}, {.source = "test"}).or_throw();
  auto& service = make_with_keys();
  auto tx = store_->begin(10s).or_throw();
  outbox::enqueue(*tx, Payment{"a"}, {.source = "test", .sealer = &keys}).or_throw();
  outbox::enqueue_envelope(*tx, "payments", event.view(), {.sealer = &service.sealer()}).or_throw();
  outbox::enqueue(*tx, Order{"a", 1}, {.source = "test", .sealer = &keys}).or_throw();
  tx->commit().or_throw();
  EXPECT_EQ(shown_in(), Places{});
  Record<std::string> seen;
  service.on("book", {}, [&](const Payment& payment) { seen.add(payment.id + payment.from); });
  const auto running = start();
  ASSERT_TRUE(seen.wait(2)) << lines_.all();
  EXPECT_EQ(sealed("payments"), 2U);
  EXPECT_TRUE(eventually([&] { return read("orders").size() == 1; }));
  EXPECT_FALSE(is_sealed(read("orders").front().view()));
}

TEST_F(SealingTest, AHandlersTransactionWritesSealedRows) {
  use_store();
  auto& service = make_with_keys({{"outbox.relay", "false"}});
  service.on("pay", {}, [](const Order& order, Context& context, Transaction&) -> Result<> {
    if (auto now = context.publish(Payment{order.id}); !now) return now;
    return context.publish_after(Payment{order.id + "-later"}, 200ms);
  });
  publish(Order{"a", 1});
  {
    const auto running = start();
    ASSERT_TRUE(caught_up("orders", "test.pay")) << lines_.all();
    auto tx = store_->begin(10s).or_throw();
    EXPECT_EQ(tx->query<std::int64_t>("select count(*) from tidings_outbox").or_throw().front(), 2);
  }
  EXPECT_EQ(shown_in(), Places{}) << "nor in the database";
  Record<std::string> seen;
  auto& relaying = make_with_keys();
  relaying.on("book", {}, [&](const Payment& payment) { seen.add(payment.id + payment.from); });
  const auto running = start();
  ASSERT_TRUE(seen.wait(2)) << lines_.all();
  auto values = seen.values();
  std::ranges::sort(values);
  EXPECT_EQ(values, (std::vector<std::string>{"a-later" + iban, "a" + iban}));
  EXPECT_EQ(sealed("payments"), 2U);
  EXPECT_EQ(shown_in(), Places{});
}

// The inbox knows an event by its id: the same under another nonce is the same.
TEST_F(SealingTest, AnEventThatIsSealedAnewIsStillTheSame) {
  use_store();
  auto& service = make_with_keys();
  std::atomic<int> calls = 0;
  service.on("book", {}, [&](const Payment&, Transaction&) { ++calls; });
  const auto event = make_envelope(Payment{"a"}, {.source = "elsewhere"}).or_throw();
  for (int times = 0; times < 3; ++times) {
    auto again = event;
    keyring(old_key).seal(again).or_throw();
    publish_raw("payments", again);
  }
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return group("payments", "test.book").handled == 3; })) << lines_.all();
  EXPECT_EQ(calls, 1);
}

TEST_F(SealingTest, DelaysKeepWhatTheyHaveSealed) {
  ManualClock manual;
  use_clock(manual);
  auto& service = make_with_keys();
  Record<std::string> seen;
  service.on("book", {}, [&](const Payment& payment) { seen.add(payment.from); });
  {
    const auto running = start();
    service.publish_after(Payment{"a"}, 10min).or_throw();
    EXPECT_EQ(shown_in(), Places{});
    for (int steps = 0; steps < 20'000 && seen.size() == 0; ++steps) {
      manual.advance(1s);
      std::this_thread::sleep_for(500us);
    }
    ASSERT_TRUE(seen.wait(1)) << lines_.all();
    EXPECT_EQ(seen.values().front(), iban);
    EXPECT_EQ(sealed("payments"), 1U);
    EXPECT_EQ(shown_in(), Places{});
  }
  service_.reset();
  use_clock(system_clock());
}

TEST_F(SealingTest, SchedulesSealWhatTheyPublish) {
  ManualClock manual;
  use_clock(manual);
  auto& service = make_with_keys({{"encryption.types", "*"}});
  service.every("pay", Recurrence::every(10s).or_throw(), [](TimePoint) { return Payment{"a"}; });
  {
    const auto running = start();
    for (int steps = 0; steps < 20'000 && read("payments").empty(); ++steps) {
      manual.advance(1s);
      std::this_thread::sleep_for(1ms);
    }
    EXPECT_GE(sealed("payments"), 1U) << lines_.all();
    for (const auto& tick : read("tidings.schedule")) EXPECT_FALSE(is_sealed(tick.view())) << "which is Tidings' own";
    EXPECT_EQ(shown_in(), Places{});
  }
  service_.reset();
  use_clock(system_clock());
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

TEST_F(SealingTest, DeadLettersStaySealedAndAreOpenedWhenTheyAreDrivenAgain) {
  auto& service = make_with_keys();
  std::atomic<bool> is_bad = true;
  Record<std::string> seen;
  service.on("book", {.retry = {.immediate = 1, .delayed = 0}}, [&](const Payment& payment) -> Result<> {
    if (is_bad) return Error{"bad", "it is bad"};
    seen.add(payment.from);
    return {};
  });
  const auto running = start();
  service.publish(Payment{"a"}).or_throw();
  ASSERT_TRUE(eventually([&] { return letters("test.book.dead-letters").size() == 1; })) << lines_.all();
  EXPECT_TRUE(is_sealed(letters("test.book.dead-letters").front().view()));
  EXPECT_EQ(shown_in(), Places{});
  is_bad = false;
  auto desk = DeadLetters::read(*broker_, "test.book").or_throw();
  desk.publish({}, "").or_throw();
  ASSERT_TRUE(seen.wait(1)) << lines_.all();
  EXPECT_EQ(seen.values().front(), iban);
  EXPECT_EQ(shown_in(), Places{});
}

TEST_F(SealingTest, WhatCannotBeOpenedIsParkedAndItsKeyIsNamed) {
  auto& service = make_with_keys({}, new_key);
  Record<std::string> seen;
  service.on("book", {}, [&](const Payment& payment) { seen.add(payment.id); });
  service.on("file", {}, [&](const Batch<Payment>& payments) {
    for (const auto& payment : payments) seen.add(payment.event.id);
  });
  auto unknown = make_envelope(Payment{"unknown"}, {.source = "elsewhere"}).or_throw();
  keyring(old_key).seal(unknown).or_throw();
  auto changed = make_envelope(Payment{"changed"}, {.source = "elsewhere"}).or_throw();
  keyring(new_key).seal(changed).or_throw();
  changed.payload.back() = static_cast<char>(changed.payload.back() ^ 1);
  auto fine = make_envelope(Payment{"fine"}, {.source = "elsewhere"}).or_throw();
  keyring(new_key).seal(fine).or_throw();
  for (const auto& event : {unknown, changed, fine}) publish_raw("payments", event);
  const auto running = start();
  for (const auto* const group : {"test.book", "test.file"}) {
    const auto topic = dead_letters_of(group);
    ASSERT_TRUE(eventually([&] { return letters(topic).size() == 2; })) << lines_.all();
    std::map<std::string, std::string> reasons;
    for (const auto& letter : letters(topic))
      reasons[std::string(letter.headers.get(dead_letter::code).value_or(""))] =
          letter.headers.get(dead_letter::reason).value_or("");
    EXPECT_NE(reasons["unknown_key"].find("'2026'"), std::string::npos) << reasons["unknown_key"];
    EXPECT_TRUE(reasons.contains("not_authentic"));
  }
  ASSERT_TRUE(seen.wait(2)) << lines_.all();
  EXPECT_EQ(seen.values(), (std::vector<std::string>{"fine", "fine"}));
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

TEST_F(SealingTest, ASettingSealsWhatDoesNotAskForIt) {
  auto& service = make_with_keys({{"encryption.types", "test.con*, test.ti?k"}});
  Record<std::string> seen;
  service.on("send", {}, [&](const Confirmed& confirmed) { seen.add(confirmed.text); });
  const auto running = start();
  service.publish(Confirmed{"a", "dear Ada"}).or_throw();
  service.publish(Tick{1}).or_throw();
  service.publish(Order{"a", 1}).or_throw();
  ASSERT_TRUE(seen.wait(1)) << lines_.all();
  EXPECT_EQ(seen.values().front(), "dear Ada");
  EXPECT_EQ(sealed("mails"), 1U);
  EXPECT_EQ(sealed("ticks"), 1U);
  EXPECT_FALSE(is_sealed(read("orders").front().view()));
}

TEST(SealingTypes, AreGlobs) {
  Sealing sealing;
  sealing.open({.keys = old_key, .types = "shop.*.paid,a?c, exact"}).or_throw();
  for (const auto* const type : {"shop.eu.paid", "shop..paid", "shop.a.b.paid", "abc", "exact"})
    EXPECT_TRUE(sealing.takes(type)) << type;
  for (const auto* const type : {"shop.paid", "shop.eu.paid2", "ac", "abbc", "exactly", "", "tidings.schedule-tick"})
    EXPECT_FALSE(sealing.takes(type)) << type;
  Sealing all;
  all.open({.keys = old_key, .types = "*"}).or_throw();
  EXPECT_TRUE(all.takes("anything"));
  EXPECT_FALSE(all.takes("tidings.pause.requested"));
}

// What others have published is passed on as it is: their readers need not have our keys.
TEST_F(SealingTest, WhatAnotherServiceLetsWaitIsNotSealedForIt) {
  ManualClock manual;
  use_clock(manual);
  make({.name = "other"}).publish_after(Confirmed{"a", "open"}, 10s).or_throw();
  auto& service = make_with_keys({{"encryption.types", "*"}});
  service.on("idle", {}, [](const Order&) {});
  {
    const auto running = start();
    for (int steps = 0; steps < 20'000 && read("mails").empty(); ++steps) {
      manual.advance(500ms);
      std::this_thread::sleep_for(1ms);
    }
    ASSERT_EQ(read("mails").size(), 1U) << lines_.all();
    EXPECT_FALSE(is_sealed(read("mails").front().view()));
  }
  service_.reset();
  use_clock(system_clock());
}

struct Booking {
  std::string id;
  void begin(const Order& order) { id = order.id; }
  [[nodiscard]] Payment pay() const { return {id}; }
  [[nodiscard]] Receipt done() const { return {id}; }
  void paid(const Asked& asked) { id = asked.id; }
};
saga::Definition booking() {
  return saga::define<Booking>(
      "booking", {}, saga::starts(&Booking::begin),
      saga::step("pay", saga::send(&Booking::pay), saga::done(&Booking::paid), saga::no_undo()),
      saga::completes(&Booking::done));
}

TEST_F(SealingTest, SagasCommandsAndAnswers) {
  use_store();
  auto& service = make_with_keys();
  service.saga(booking());
  Record<std::string> seen;
  service.on("charge", {}, [&](const Payment& payment, Context& context) {
    seen.add(payment.from);
    return context.publish(Asked{payment.id});
  });
  service.on("file", {}, [&](const Receipt& receipt) { seen.add(receipt.from); });
  publish(Order{"a", 1});
  const auto running = start();
  ASSERT_TRUE(seen.wait(2)) << lines_.all();
  EXPECT_EQ(seen.values(), (std::vector<std::string>{iban, iban}));
  EXPECT_EQ(sealed("payments") + sealed("asked") + sealed("receipts"), 3U);
  EXPECT_EQ(shown_in(), Places{});
}

TEST_F(SealingTest, AServiceThatIsKnownToPublishItDoesNotBeginWithoutAKey) {
  use_store();
  {
    auto& service = make({.store = store_.get()});
    service.saga(booking());
    EXPECT_EQ(service.run(), 1);
    EXPECT_EQ(lines_.count("publishes test.payment, which is to be encrypted"), 1U) << lines_.all();
  }
  lines_.clear();
  make().publishes<Receipt>();
  EXPECT_EQ(service_->run(), 1);
  EXPECT_EQ(lines_.count("publishes test.receipt, which is to be encrypted"), 1U) << lines_.all();
  make().on("book", {}, [](const Payment&) {});
  const auto running = start();
  EXPECT_TRUE(eventually([&] { return lines_.count("its events will be parked") == 1; })) << lines_.all();
}

struct AccountState {
  std::string id;
  void apply(const Payment& payment) { id = payment.id; }
};
class Account : public Aggregate<AccountState, Payment> {
 public:
  static constexpr AggregateTraits aggregate{.name = "test.account"};
  void pay(std::string id) { raise(Payment{std::move(id)}); }
};

TEST_F(SealingTest, AggregatesEventsLeaveSealed) {
  use_store();
  aggregate::apply_schema(*store_).or_throw();
  auto& service = make_with_keys();
  const auto open = event_sourced<Account>({.source = "test"});
  const auto closed = event_sourced<Account>({.source = "test", .sealer = &service.sealer()});
  {
    auto tx = store_->begin(10s).or_throw();
    Account account;
    account.pay("a");
    EXPECT_EQ(open.save(*tx, account).error().code, "not_sealed");
  }
  {
    auto tx = store_->begin(10s).or_throw();
    Account account;
    account.pay("b");
    closed.save(*tx, account).or_throw();
    tx->commit().or_throw();
  }
  const auto running = start();
  ASSERT_TRUE(eventually([&] { return sealed("payments") == 1; })) << lines_.all();
}

TEST_F(SealingTest, ProjectionsAreKeptAndMadeAnew) {
  use_store();
  aggregate::apply_schema(*store_).or_throw();
  auto& service = make_with_keys();
  const auto paid = projection<Payment>("paid", {.tables = {{"paid", "id text primary key, sender text not null"}}},
                                        [](const Payment& payment, ReadModel& model) -> Result<> {
                                          auto done = model.execute("insert into {paid}(id, sender) values ($1, $2)",
                                                                    payment.id, payment.from);
                                          return done ? Result<>{} : done.error();
                                        });
  service.projection(paid);
  const auto running = start();
  service.publish(Payment{"a"}).or_throw();
  service.publish(Payment{"b"}).or_throw();
  const auto senders = [&] {
    auto tx = store_->begin(10s).or_throw();
    return tx->query<std::string>("select sender from paid order by id").or_throw();
  };
  ASSERT_TRUE(eventually([&] { return caught_up("payments", "test.paid") && senders().size() == 2; })) << lines_.all();
  EXPECT_EQ(senders(), (std::vector<std::string>{iban, iban}));
  const auto made =
      rebuild(*store_, *broker_, paid, {.payload = [&](const EnvelopeView& event) { return service.payload(event); }});
  ASSERT_TRUE(made) << to_string(made.error());
  EXPECT_EQ(made->events, 2U);
  EXPECT_EQ(senders(), (std::vector<std::string>{iban, iban}));
}

TEST_F(SealingTest, SettingsSayWhatIsWrong) {
  const auto code = [&](std::vector<SettingValue> settings) {
    const auto made =
        Service::create({.name = "test", .broker = broker_.get(), .settings = std::move(settings), .log = &lines_});
    return made ? std::string() : made.error().code + " " + made.error().message;
  };
  EXPECT_TRUE(code({{"encryption.keys", "2026:nothing"}}).starts_with("invalid_keys encryption.keys: key 1"));
  EXPECT_TRUE(code({{"encryption.key_file", folder_.path() + "/none"}}).starts_with("no_file encryption.key_file: "));
  EXPECT_TRUE(code({{"encryption.types", "shop.*"}}).starts_with("no_key "));
  EXPECT_TRUE(code({{"encryption.keys", old_key}, {"encryption.key_file", "keys"}}).starts_with("invalid_setting "));
}

TEST_F(SealingTest, DescriptionsTellWhatIsSealedAndByWhichKey) {
  auto& service = make_with_keys({{"encryption.types", "test.conf*"}}, new_key + "," + old_key);
  service.on<Payment, Order>("book", {}, [](const auto&) {});
  service.publishes<Confirmed>("book").publishes<Receipt>("book").publishes<Tick>("book");
  const auto told = service.describe();
  EXPECT_EQ(told.encryption,
            (ServiceDescription::Encryption{.key = "2027", .opens = {"2027", "2026"}, .types = {"test.conf*"}}));
  ASSERT_EQ(told.handlers.at(0).events.size(), 2U);
  EXPECT_TRUE(told.handlers[0].events[0].encrypted);
  EXPECT_FALSE(told.handlers[0].events[1].encrypted);
  EXPECT_TRUE(told.publishes.at(0).encrypted) << "by the setting";
  EXPECT_TRUE(told.publishes.at(1).encrypted);
  EXPECT_FALSE(told.publishes.at(2).encrypted);
  const auto& steps = told.handlers[0].steps;
  const auto open = std::ranges::find(steps, "open", &ServiceDescription::Step::name);
  ASSERT_NE(open, steps.end());
  EXPECT_EQ(open->does, "opens what is sealed with key 2027, 2026");
}

class ReloadTest : public SealingTest {
 protected:
  void write(const std::string& text) {
    const auto path = folder_.path() + "/keys";
    std::filesystem::remove(path);
    folder_.write("keys", text).or_throw();
    ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  }
};

TEST_F(ReloadTest, KeysChangeWithoutARestart) {
  write(old_key);
  auto& service = make({.settings = {{"encryption.key_file", folder_.path() + "/keys"}, {"encryption.reload", "1s"}}});
  Record<std::string> seen;
  service.on("book", {}, [&](const Payment& payment) { seen.add(payment.id); });
  const auto running = start();
  service.publish(Payment{"a"}).or_throw();
  ASSERT_TRUE(seen.wait(1));
  write(new_key + "\n" + old_key + "\n");
  ASSERT_TRUE(eventually([&] { return lines_.count("seals with key 2027 from now on, and opens 2027, 2026") == 1; }))
      << lines_.all();
  service.publish(Payment{"b"}).or_throw();
  auto before = make_envelope(Payment{"c"}, {.source = "elsewhere"}).or_throw();
  keyring(old_key).seal(before).or_throw();
  publish_raw("payments", before);
  ASSERT_TRUE(seen.wait(3)) << lines_.all();
  std::vector<std::string> keys;
  for (const auto& event : read("payments")) keys.emplace_back(seal_key(event.view()));
  std::ranges::sort(keys);
  EXPECT_EQ(keys, (std::vector<std::string>{"2026", "2026", "2027"}));
}

TEST_F(ReloadTest, AFileThatCannotBeReadChangesNothing) {
  write(old_key);
  Sealing sealing;
  sealing.open({.key_file = folder_.path() + "/keys", .reload = 10s}).or_throw();
  Host host{.service = "test", .log = &lines_};
  SteadyTime now{1h};
  const auto look = [&] { sealing.look(now += 10s, host); };
  const auto path = folder_.path() + "/keys";
  look();
  EXPECT_EQ(lines_.all(), "");
  for (const auto* const wrong : {"", "2027:short", "# none yet\n"}) {
    write(wrong);
    look();
    EXPECT_EQ(sealing.keys().sealing_id(), "2026");
  }
  write(new_key);
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  look();
  EXPECT_EQ(sealing.keys().sealing_id(), "2026");
  std::filesystem::remove(path);
  look();
  EXPECT_EQ(sealing.keys().sealing_id(), "2026");
  EXPECT_GE(lines_.count("keeps its keys"), 3U) << lines_.all();
  write(new_key);
  sealing.look(now + 9s, host);
  EXPECT_EQ(sealing.keys().sealing_id(), "2026") << "it is not looked yet";
  look();
  EXPECT_EQ(sealing.keys().sealing_id(), "2027");
  EXPECT_EQ(lines_.count("reads its keys again"), 1U);
  EXPECT_EQ(lines_.count(new_key.substr(5, 10)), 0U);
}

}  // namespace
}  // namespace tidings::service
