#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "saga/ledger.hpp"
#include "saga/testing.hpp"
#include "saga/words.hpp"
#include "testing/servers/kept_log.hpp"
#include "testing/servers/needs_server.hpp"
#include "testing/servers/shared_postgres.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tidings/base/uuid.hpp"
#include "tidings/outbox/schema.hpp"
#include "tidings/saga/coordinator.hpp"
#include "tidings/saga/inspect.hpp"
#include "tidings/stores/open.hpp"

/// What tests of sagas over a store share.
namespace tidings::saga {

using namespace std::chrono_literals;

using tidings::testing::KeptLog;

/// A store whose transactions fail at their n-th statement or, with `at_commit`, instead of being committed.
class StoreThatFails final : public Store {
 public:
  explicit StoreThatFails(Store& store) : store_(store) {}
  [[nodiscard]] SqlDialect dialect() const override { return store_.dialect(); }
  Result<std::unique_ptr<OpenTransaction>> begin(Duration wait_max) override {
    auto tx = store_.begin(wait_max);
    if (!tx) return tx.error();
    return std::unique_ptr<OpenTransaction>(new Failing(*this, std::move(*tx)));
  }
  Result<> close(Duration) override { return {}; }

  int fails_at = 0;  ///< 0: never
  bool at_commit = false;
  bool has_failed = false;

 private:
  class Failing final : public OpenTransaction {
   public:
    Failing(StoreThatFails& store, std::unique_ptr<OpenTransaction> tx) : store_(store), tx_(std::move(tx)) {}
    Result<> commit() override {
      if (store_.at_commit) return broken();
      auto done = tx_->commit();
      if (done) tell_committed();
      return done;
    }
    void roll_back() override { tx_->roll_back(); }
    Result<> save() override { return tx_->save(); }
    Result<> roll_back_to_saved() override { return tx_->roll_back_to_saved(); }
    void fail(const Error& why) override { tx_->fail(why); }

   private:
    Result<> broken() {
      store_.has_failed = true;
      const Error why{"unavailable", "the database is away", Retry::same_call};
      tx_->fail(why);
      return why;
    }
    Result<std::uint64_t> run_statement(std::string_view sql, std::span<const SqlView> parameters) override {
      if (++statements_ == store_.fails_at) return broken().error();
      return tx_->execute_views(sql, parameters);
    }
    Result<> run_query(std::string_view sql, std::span<const SqlView> parameters,
                       tidings::detail::RowSink& rows) override {
      if (++statements_ == store_.fails_at) return broken();
      return tx_->query_views(sql, parameters, rows);
    }
    void* native_handle(std::string_view) override { return nullptr; }

    StoreThatFails& store_;
    std::unique_ptr<OpenTransaction> tx_;
    int statements_ = 0;
  };

  Store& store_;
};

class StoredSagaTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "sqlite") {
      store_ = open_store("sqlite:" + folder_.path() + "/data.db").or_throw();
    } else {
      TIDINGS_NEEDS_SERVER(tidings::testing::postgres_is_there());
      const auto ready = tidings::testing::SharedPostgres::get().ready();
      ASSERT_TRUE(ready) << to_string(ready.error());
      store_ = open_store(tidings::testing::postgres_url(tidings::testing::SharedPostgres::get().server()) +
                              GetParam().substr(std::string_view("postgres").size()),
                          {.connections = 8})
                   .or_throw();
      std::string name = "t" + make_uuid_v7().to_string();
      std::erase(name, '-');
      tables_ = Tables::named(name).or_throw();
    }
    outbox::apply_schema(*store_, tables_).or_throw();
    saga::apply_schema(*store_, tables_).or_throw();
  }
  ~StoredSagaTest() override {
    if (GetParam() != "sqlite" && store_)
      if (auto tx = store_->begin(10s); tx) {
        (void)(*tx)->execute("drop schema \"" + tables_.schema() + "\" cascade");
        (void)(*tx)->commit();
      }
  }

  std::unique_ptr<Coordinator> coordinator(std::vector<Definition> versions) {
    return coordinator(std::move(versions), *store_);
  }
  std::unique_ptr<Coordinator> coordinator(std::vector<Definition> versions, Store& store) {
    return Coordinator::make(store, std::move(versions),
                             {.source = "orders", .tables = tables_, .clock = &clock_, .log = &log_})
        .or_throw();
  }
  template <class Event>
  static Envelope event_of(const Event& event) {
    return make_envelope(event, {.source = "tests"}).or_throw();
  }
  template <class Event>
  static Result<bool> come(Coordinator& coordinator, const Event& event) {
    return coordinator.handle(event_of(event).view());
  }
  /// What was sent since the last time: ids, in their order.
  std::vector<std::string> sent() {
    auto tx = store_->begin(10s).or_throw();
    auto ids = tx->query<std::string>("select message_id from " + tables_.name("outbox") + " order by id").or_throw();
    tx->execute("delete from " + tables_.name("outbox")).or_throw();
    tx->commit().or_throw();
    return ids;
  }
  Shown shown(std::string_view id = "o1") { return *show(*store_, "checkout", id, tables_).or_throw(); }
  std::int64_t count(std::string_view table) {
    auto tx = store_->begin(10s).or_throw();
    return tx->query_one<std::int64_t>("select count(*) from " + tables_.name(table)).or_throw().value_or(-1);
  }
  std::vector<std::int64_t> counts() {
    return {count("sagas"), count("saga_timers"), count("saga_history"), count("outbox")};
  }

  tidings::testing::TemporaryFolder folder_ = tidings::testing::TemporaryFolder::make("sagas").or_throw();
  Tables tables_;
  ManualClock clock_;
  KeptLog log_;
  std::unique_ptr<Store> store_;
};

}  // namespace tidings::saga
