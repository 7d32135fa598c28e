#include "tidings/outbox/sqlite3.hpp"

#include "tests/outbox/handles.hpp"

namespace tidings::outbox {
namespace {

class Sqlite3Test : public HandleTest {
 protected:
  Sqlite3Test() {
    open("sqlite");
    sqlite3_open(file().c_str(), &database_);
    sqlite3_busy_timeout(database_, 5000);
  }
  ~Sqlite3Test() override { EXPECT_EQ(sqlite3_close(database_), SQLITE_OK) << "a statement was left behind"; }
  int run(const std::string& sql) { return sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr); }

  sqlite3* database_ = nullptr;
};

TEST_F(Sqlite3Test, TheEventLeavesWithTheTransactionOfItsProgram) {
  run("begin");
  run(place());
  enqueue(database_, Placed{"o-1", 3}, options()).or_throw();
  EXPECT_EQ(run("rollback"), SQLITE_OK);
  EXPECT_EQ(backlog(), 0);
  run("begin");
  run(place());
  enqueue(database_, Placed{"o-1", 3}, options()).or_throw();
  enqueue_envelope(database_, "orders", raw(binary).view(), options()).or_throw();
  enqueue_envelope(database_, "orders", raw("").view(), options()).or_throw();
  EXPECT_EQ(sqlite3_get_autocommit(database_), 0) << "it is the program's to commit";
  EXPECT_EQ(run("commit"), SQLITE_OK);
  EXPECT_EQ(count(orders()), 1);
  expect_published();
}

TEST_F(Sqlite3Test, OutsideOfATransactionItIsRefused) {
  const auto alone = enqueue(database_, Placed{"o-1", 3}, options());
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().code, "no_transaction");
  EXPECT_EQ(backlog(), 0);
}

TEST_F(Sqlite3Test, AConnectionThatMayLoseWhatItCommittedIsRefusedUnlessItsUserInsists) {
  auto insisting = options();
  insisting.any_durability = true;
  for (const auto* const pragma : {"pragma synchronous = normal", "pragma synchronous = off"}) {
    run(pragma);
    run("begin");
    const auto refused = enqueue(database_, Placed{"o-1", 3}, options());
    ASSERT_FALSE(refused) << pragma;
    EXPECT_EQ(refused.error().code, "not_durable");
    EXPECT_NE(refused.error().message.find("set it to FULL"), std::string::npos) << refused.error().message;
    run("rollback");
    run("begin");
    enqueue(database_, Placed{"o-1", 3}, insisting).or_throw();
    run("rollback");
  }
  run("pragma synchronous = extra");
  run("begin");
  enqueue(database_, Placed{"o-1", 3}, options()).or_throw();
  run("rollback");
  store_.reset();
  run("pragma journal_mode = delete");
  run("begin");
  EXPECT_EQ(enqueue(database_, Placed{"o-1", 3}, options()).error().code, "not_durable");
  run("rollback");
}

TEST_F(Sqlite3Test, WhereForeignKeysAreLookedAtARefusalCannotBeCommittedUnnoticed) {
  run("pragma foreign_keys = on");
  run("begin");
  run(place());
  EXPECT_EQ(enqueue(database_, Placed{"o-1", 3}, refusing()).error().code, "too_large");
  EXPECT_EQ(run("commit"), SQLITE_CONSTRAINT);
  run("rollback");
  EXPECT_EQ(count(orders()), 0);
  run("begin");
  run(place());
  EXPECT_EQ(run("commit"), SQLITE_OK) << "the next one is as ever";
}

TEST_F(Sqlite3Test, WhatTheDatabaseSaysIsTold) {
  const auto other = Tables::named("", "other_").or_throw();
  run("begin");
  const auto none = enqueue(database_, Placed{"o-1", 3}, {.tables = &other});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, "no_outbox");
  EXPECT_NE(none.error().message.find("other_outbox"), std::string::npos) << none.error().message;
  run("rollback");
  sqlite3_busy_timeout(database_, 0);
  run("begin");
  auto tx = store_->begin(10s).or_throw();
  const auto busy = enqueue(database_, Placed{"o-1", 3}, options());
  EXPECT_EQ(busy.error().code, "busy");
  EXPECT_EQ(busy.error().retry, Retry::same_call);
  tx.reset();
  run("rollback");
}

}  // namespace
}  // namespace tidings::outbox
