#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "testing/servers/needs_server.hpp"
#include "testing/servers/shared_postgres.hpp"
#include "tidings/base/uuid.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/outbox/enqueue.hpp"
#include "tidings/outbox/relay.hpp"
#include "tidings/outbox/schema.hpp"
#include "tidings/stores/open.hpp"

/// What the tests of handles share: a database of its own, with an outbox; what a program puts in by its own handle is
/// read back after a relay has published it.
namespace tidings::outbox {

using namespace std::chrono_literals;

struct Placed {
  std::string order_id;
  int lines = 0;
  static constexpr tidings::traits<Placed> event{.name = "shop.placed", .topic = "orders", .key = &Placed::order_id};
};

/// At the head of a test that wants PostgreSQL.
#define TIDINGS_NEEDS_POSTGRES()                               \
  TIDINGS_NEEDS_SERVER(tidings::testing::postgres_is_there()); \
  if (const auto ready = tidings::testing::SharedPostgres::get().ready(); !ready) FAIL() << to_string(ready.error())

class HandleTest : public ::testing::Test {
 protected:
  /// `sqlite` or `postgres`.
  void open(const std::string& kind) {
    std::string pattern = (std::filesystem::temp_directory_path() / "tidings-handles-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    if (kind == "sqlite") {
      url_ = "sqlite:" + folder_ + "/data.db";
    } else {
      url_ = tidings::testing::postgres_url(tidings::testing::SharedPostgres::get().server());
      std::string name = "t" + make_uuid_v7().to_string();
      std::erase(name, '-');
      tables_ = Tables::named(name).or_throw();
    }
    store_ = open_store(url_).or_throw();
    apply_schema(*store_, tables_).or_throw();
    auto tx = store_->begin(10s).or_throw();
    tx->execute("create table " + orders() + "(id text)").or_throw();
    tx->commit().or_throw();
  }
  ~HandleTest() override {
    if (store_ && !tables_.schema().empty())
      if (auto tx = store_->begin(10s); tx) {
        (void)(*tx)->execute("drop schema \"" + tables_.schema() + "\" cascade");
        (void)(*tx)->commit();
      }
    store_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::string file() const { return folder_ + "/data.db"; }
  [[nodiscard]] std::string orders() const {
    return (tables_.schema().empty() ? "" : "\"" + tables_.schema() + "\".") + "orders";
  }
  [[nodiscard]] std::string place() const { return "insert into " + orders() + " values ('o-1')"; }
  [[nodiscard]] EnqueueOptions options() const { return {.source = "shop", .tables = &tables_}; }
  [[nodiscard]] EnqueueOptions refusing() const { return {.source = "shop", .event_bytes_max = 1, .tables = &tables_}; }
  /// Binary, with a NUL, and with nothing in it.
  static Envelope raw(const std::string& payload) {
    Envelope event;
    event.id = "raw-" + std::to_string(payload.size());
    event.type = "raw";
    event.payload = payload;
    return event;
  }
  static inline const std::string binary = std::string("\0\xff'\"\\:p1\r\n", 10);

  [[nodiscard]] std::int64_t count(const std::string& table) const {
    auto tx = store_->begin(10s).or_throw();
    return tx->query_one<std::int64_t>("select count(*) from " + table).or_throw().value_or(-1);
  }
  [[nodiscard]] std::int64_t backlog() const { return count(tables_.name("outbox")); }

  /// What was put in: one `Placed`, and `raw` of `binary` and of nothing.
  void expect_published() {
    auto broker = open_broker("memory:").or_throw();
    auto relay = Relay::start(*store_, *broker, {.tables = tables_}).or_throw();
    for (int turn = 0; turn < 1000 && backlog() != 0; ++turn) std::this_thread::sleep_for(5ms);
    auto reader = broker->subscribe("orders", {.group = {}}).or_throw();
    std::vector<Delivery> all;
    while (true) {
      auto some = reader->fetch(10, 50ms).or_throw();
      if (some.empty()) break;
      all.insert(all.end(), some.begin(), some.end());
    }
    ASSERT_EQ(all.size(), 3U);
    for (const auto& one : all) {
      if (one.envelope.type == "raw") {
        EXPECT_EQ(one.envelope.payload, one.envelope.id == "raw-0" ? "" : binary);
        continue;
      }
      EXPECT_EQ(one.envelope.source, "shop");
      EXPECT_EQ(one.envelope.key, "o-1");
      EXPECT_EQ(decode_event<Placed>(one.envelope).or_throw().lines, 3);
    }
  }

  std::string folder_;
  std::string url_;
  Tables tables_;
  std::unique_ptr<Store> store_;
};

}  // namespace tidings::outbox
