#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "outbox/dialect.hpp"
#include "outbox/engine.hpp"
#include "testing/servers/eventually.hpp"
#include "testing/servers/kept_log.hpp"
#include "testing/servers/needs_server.hpp"
#include "testing/servers/shared_postgres.hpp"
#include "tidings/base/log_sink.hpp"
#include "tidings/base/uuid.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/outbox/enqueue.hpp"
#include "tidings/outbox/parked.hpp"
#include "tidings/outbox/relay.hpp"
#include "tidings/outbox/schema.hpp"
#include "tidings/stores/open.hpp"

/// What the outbox's tests share.
namespace tidings::outbox {

using namespace std::chrono_literals;

using tidings::testing::KeptLog;

/// A store that is away when it is told to.
class StoreThatMayBeAway final : public Store {
 public:
  explicit StoreThatMayBeAway(Store& store) : store_(store) {}
  [[nodiscard]] SqlDialect dialect() const override { return store_.dialect(); }
  Result<std::unique_ptr<OpenTransaction>> begin(Duration wait_max) override {
    if (is_away) return Error{"unavailable", "the database is away", Retry::same_call};
    return store_.begin(wait_max);
  }
  Result<> close(Duration) override { return {}; }

  std::atomic<bool> is_away = false;

 private:
  Store& store_;
};

/// A broker in front of another, whose publishes fail, wait, or are heard of as a test wants. It has no publishers of
/// its own, so that all comes by `publish`.
class SteeredBroker final : public Broker {
 public:
  explicit SteeredBroker(Broker& broker) : broker_(broker), capabilities_(broker.capabilities()) {}

  using Step = std::function<Result<>(std::string_view topic, std::span<const EnvelopeView> events)>;
  Step before;                    ///< an error is the answer, and nothing is written
  Step after;                     ///< likewise, after it was written
  bool strips_producers = false;  ///< as if a relay told none
  std::atomic<int> publishes = 0;

  /// It does not know producers, and does not say so.
  void forget_producers() {
    capabilities_.producers = false;
    strips_producers = true;
  }

  [[nodiscard]] const Capabilities& capabilities() const override { return capabilities_; }
  Result<> create_topic(std::string_view topic, const TopicOptions& options) override {
    return broker_.create_topic(topic, options);
  }
  Result<std::vector<Published>> publish(std::string_view topic, std::span<const EnvelopeView> events,
                                         const PublishOptions& options) override {
    ++publishes;
    if (before)
      if (auto fine = before(topic, events); !fine) return fine.error();
    auto told = options;
    if (strips_producers) told.producer.reset();
    auto done = broker_.publish(topic, events, told);
    if (after && done)
      if (auto fine = after(topic, events); !fine) return fine.error();
    return done;
  }
  Result<std::unique_ptr<Publisher>> publisher(std::string_view, const PublisherOptions&) override {
    return Error{"unsupported", "by publish alone"};
  }
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) override {
    return broker_.subscribe(topic, options);
  }
  Result<std::vector<TopicInfo>> topics() override { return broker_.topics(); }
  Result<TopicInfo> topic(std::string_view topic) override { return broker_.topic(topic); }
  Result<std::vector<GroupInfo>> groups(std::string_view topic) override { return broker_.groups(topic); }
  Result<> seek(std::string_view topic, std::string_view group, const Start& to) override {
    return broker_.seek(topic, group, to);
  }
  Result<> close(Duration wait_max) override { return broker_.close(wait_max); }

 private:
  Broker& broker_;
  Capabilities capabilities_;
};

/// The stores that the suite runs over.
inline std::vector<std::string> store_kinds() {
  return {"sqlite", "postgres"};
}

using Ids = std::vector<std::string>;

/// A database with an outbox, and a log.
class OutboxTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!is_sqlite()) {
      TIDINGS_NEEDS_SERVER(tidings::testing::postgres_is_there());
      const auto ready = tidings::testing::SharedPostgres::get().ready();
      ASSERT_TRUE(ready) << to_string(ready.error());
    }
    std::string pattern = (std::filesystem::temp_directory_path() / "tidings-outbox-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    if (is_sqlite()) {
      url_ = "sqlite:" + folder_ + "/data.db";
    } else {
      url_ = tidings::testing::postgres_url(tidings::testing::SharedPostgres::get().server());
      std::string name = "t" + make_uuid_v7().to_string();
      std::erase(name, '-');
      tables_ = Tables::named(name).or_throw();
    }
    store_ = open_store(url_).or_throw();
    apply_schema(*store_, tables_).or_throw();
    broker_ = open_broker("log:" + folder_ + "/log", {.log = &log_}).or_throw();
    options_.tables = tables_;
    options_.log = &log_;
    options_.lease = 500ms;
    options_.retry_first = 1ms;
    options_.retry_longest = 2ms;
  }
  ~OutboxTest() override {
    if (!is_sqlite() && store_)
      if (auto tx = store_->begin(10s); tx) {
        (void)(*tx)->execute("drop schema \"" + tables_.schema() + "\" cascade");
        (void)(*tx)->commit();
      }
    broker_.reset();
    store_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  static bool is_sqlite() { return GetParam() == "sqlite"; }
  [[nodiscard]] std::unique_ptr<Store> open_again() const { return open_store(url_).or_throw(); }

  static Envelope event_of(const std::string& id, const std::string& key) {
    Envelope event;
    event.id = id;
    event.type = "test";
    event.source = "tests";
    event.key = key;
    event.headers.set("colour", "blue");
    event.payload = id + "!";
    return event;
  }
  void put(Transaction& tx, const std::string& id, const std::string& key, std::string_view topic = "orders") {
    enqueue_envelope(tx, topic, event_of(id, key).view(), {.tables = &tables_}).or_throw();
  }
  void put(const std::string& id, const std::string& key, std::string_view topic = "orders") {
    auto tx = store_->begin(10s).or_throw();
    put(*tx, id, key, topic);
    tx->commit().or_throw();
  }
  std::int64_t number(std::string_view query) {
    auto tx = store_->begin(10s).or_throw();
    return tx->query_one<std::int64_t>(in_dialect(query, store_->dialect(), tables_)).or_throw().value_or(-1);
  }
  std::int64_t backlog() { return number("select count(*) from @outbox"); }

  /// The ids in a topic, in their order.
  std::vector<std::string> published(const std::string& topic = "orders") {
    auto reader = broker_->subscribe(topic, {.group = {}});
    std::vector<std::string> ids;
    if (!reader) return ids;
    while (true) {
      const auto some = (*reader)->fetch(1000, 50ms).or_throw();
      if (some.empty()) return ids;
      for (const auto& one : some) ids.emplace_back(one.envelope.id);
    }
  }
  /// Cycles until there is nothing to do.
  static void work(Engine& engine) {
    for (int turn = 0; turn < 1000; ++turn) {
      if (engine.is_beat_due()) engine.beat(10s).or_throw();
      engine.look_at_keys();
      if (!engine.cycle(10s).or_throw().has_worked) return;
    }
    FAIL() << "it has no end";
  }
  static void turn(Engine& engine, int times) {
    for (; times > 0; --times) {
      if (engine.is_beat_due()) engine.beat(10s).or_throw();
      engine.cycle(10s).or_throw();
    }
  }
  static std::unique_ptr<Engine> start(Store& store, Broker& broker, const RelayOptions& options) {
    auto engine = std::make_unique<Engine>(store, broker, options);
    engine->beat(10s).or_throw();
    return engine;
  }
  /// Keys of one part, so that what happens to one of them could touch the others.
  static std::vector<std::string> keys_of_one_part(std::size_t count) {
    std::vector<std::string> keys;
    for (int number = 0; keys.size() < count; ++number) {
      auto key = "k" + std::to_string(number);
      if (part_of(key) == part_of("k0")) keys.push_back(std::move(key));
    }
    return keys;
  }
  /// The broker refuses events whose ids begin so.
  static SteeredBroker::Step refusing(std::string prefix) {
    return [prefix = std::move(prefix)](std::string_view, std::span<const EnvelopeView> events) -> Result<> {
      for (const auto& event : events)
        if (event.id.starts_with(prefix)) return Error{"too_large", "it is too large"};
      return {};
    };
  }
  std::vector<ParkedKey> held() { return held_keys(*store_, 100, tables_).or_throw(); }
  void sleep_beyond_the_lease() const { std::this_thread::sleep_for(options_.lease + 30ms); }

  std::string folder_;
  std::string url_;
  Tables tables_;
  KeptLog log_;
  RelayOptions options_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Broker> broker_;
};

template <class F>
[[nodiscard]] bool eventually(F&& done, Duration wait_max = 20s) {
  return tidings::testing::eventually(std::forward<F>(done), wait_max);
}

}  // namespace tidings::outbox
