#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "testing/servers/eventually.hpp"
#include "tests/crash/torture.hpp"
#include "tests/outbox/handles.hpp"

/// What the tests of an outbox under faults share: numbered events of keys go through it into a log, and are looked at
/// there.
namespace tidings::outbox {

using tidings::testing::eventually;

class Silent final : public LogSink {
 public:
  void write(LogLevel /*level*/, std::string_view /*line*/) override {}
};

class FaultsTest : public HandleTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "postgres") {
      TIDINGS_NEEDS_POSTGRES();
    }
    open(GetParam());
    torture_.print(GetParam().c_str());
    in_one("create table " + keys() + "(id text primary key, last bigint not null)");
    open_log()->create_topic("orders", {.partitions = 4, .durability = Durability::memory}).or_throw();
  }
  [[nodiscard]] bool is_sqlite() const { return GetParam() == "sqlite"; }
  [[nodiscard]] std::string keys() const {
    return (tables_.schema().empty() ? "" : "\"" + tables_.schema() + "\".") + "keys";
  }
  void in_one(const std::string& sql) const {
    auto tx = store_->begin(10s).or_throw();
    tx->execute(sql).or_throw();
    tx->commit().or_throw();
  }
  [[nodiscard]] std::unique_ptr<Store> open_again() const { return open_store(url_, {.log = &silent()}).or_throw(); }
  [[nodiscard]] std::unique_ptr<Broker> open_log() const {
    return open_broker("log:" + folder_ + "/log", {.log = &silent()}).or_throw();
  }
  static LogSink& silent() {
    static Silent silent;
    return silent;
  }

  static Envelope event_of(const std::string& key, std::int64_t number) {
    Envelope event;
    event.id = key + ":" + std::to_string(number);
    event.type = "numbered";
    event.source = "tests";
    event.key = key;
    event.payload = std::to_string(number);
    return event;
  }
  Result<> put(Transaction& tx, const std::string& key, std::int64_t number) {
    return enqueue_envelope(tx, "orders", event_of(key, number).view(), {.tables = &tables_});
  }
  /// Takes the key's row first, so that its events are put in in the order of their numbers.
  Result<> put_next(Transaction& tx, const std::string& key) {
    auto number = tx.query_one<std::int64_t>("insert into " + keys() +
                                                 " as k(id, last) values ($1, 1) on conflict(id) "
                                                 "do update set last = k.last + 1 returning last",
                                             key);
    if (!number) return number.error();
    return put(tx, key, **number);
  }

  /// The numbers of each key, in the order in which they stand in the log.
  [[nodiscard]] std::map<std::string, std::vector<std::int64_t>> in_the_log() const {
    const auto broker = open_log();
    auto reader = broker->subscribe("orders", {.group = {}, .in_flight_max = 100'000}).or_throw();
    std::map<std::string, std::vector<std::int64_t>> numbers;
    while (true) {
      const auto some = reader->fetch(10'000, 100ms).or_throw();
      if (some.empty()) return numbers;
      std::vector<DeliveryId> ids;
      for (const auto& one : some) {
        numbers[std::string(one.envelope.key)].push_back(std::stoll(std::string(one.envelope.payload)));
        ids.push_back(one.id);
      }
      reader->settle(ids).or_throw();
    }
  }
  /// Of each key all numbers up to its last, once, in their order.
  void expect_all_once_and_in_order() {
    const auto found = in_the_log();
    auto tx = store_->begin(10s).or_throw();
    struct Key {
      std::string id;
      std::int64_t last = 0;
    };
    std::int64_t events = 0;
    for (const auto& [id, last] : tx->query<Key>("select id, last from " + keys()).or_throw()) {
      events += last;
      const auto numbers = found.find(id);
      ASSERT_NE(numbers, found.end()) << "of key " << id << " nothing came";
      ASSERT_EQ(numbers->second.size(), static_cast<std::size_t>(last)) << "of key " << id;
      for (std::int64_t number = 1; number <= last; ++number)
        ASSERT_EQ(numbers->second[static_cast<std::size_t>(number - 1)], number) << "of key " << id;
    }
    EXPECT_EQ(found.size(), static_cast<std::size_t>(
                                tx->query_one<std::int64_t>("select count(*) from " + keys()).or_throw().value_or(0)));
    std::printf("%lld events\n", static_cast<long long>(events));
  }

  /// One transaction of a writer's: one to three keys, in the order of their names, since each is locked. False: it is
  /// to be tried again.
  bool write_one(Store& store, std::mt19937_64& chance, std::atomic<std::uint64_t>& given_up) {
    auto tx = store.begin(10s);
    if (!tx) return false;
    std::set<std::string> these;
    for (auto count = 1 + chance() % 3; count > 0; --count) these.insert("key-" + std::to_string(chance() % 200));
    const bool gives_up = chance() % 5 == 0;
    for (const auto& key : these)
      if (auto done = put_next(**tx, key); !done) {
        EXPECT_EQ(done.error().code, "conflict") << to_string(done.error());
        return false;
      }
    if (gives_up) {
      ++given_up;
      return true;
    }
    return (*tx)->commit().has_value();
  }

  /// A relay with handles of its own, as another process would have.
  struct OwnRelay {
    std::unique_ptr<Store> store;
    std::unique_ptr<Broker> broker;
    std::unique_ptr<Relay> relay;
  };
  [[nodiscard]] OwnRelay start_relay(Duration lease = 10s) const {
    OwnRelay own{.store = open_again(), .broker = open_log(), .relay = nullptr};
    own.relay = Relay::start(*own.store, *own.broker, {.tables = tables_, .lease = lease, .log = &silent()}).or_throw();
    return own;
  }

  crash::Torture torture_ = crash::Torture::from_environment(20);
};

}  // namespace tidings::outbox
