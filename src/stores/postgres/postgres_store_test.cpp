#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "stores/postgres/testing.hpp"

namespace tidings::stores::postgres {
namespace {

class PostgresStoreTest : public WithPostgres {
 protected:
  /// Ends the session of a transaction, as who runs the server may.
  void end_session(OpenTransaction& tx) const {
    const auto session = tx.query_one<std::int64_t>("select pg_backend_pid()").or_throw();
    const auto other = open();
    auto killer = other->begin(30s).or_throw();
    EXPECT_EQ(killer->query_one<bool>("select pg_terminate_backend($1)", *session).or_throw(), true);
    // It may be told and not gone yet.
    while (killer->query_one<std::int64_t>("select count(*) from pg_stat_activity where pid = $1", *session)
               .or_throw()
               .value() > 0) {
      killer = other->begin(30s).or_throw();
      std::this_thread::yield();
    }
  }
};

TEST_F(PostgresStoreTest, TransactionsSeeOneStateAndSyncWhenTheyCommit) {
  const auto store = open();
  auto tx = store->begin(30s).or_throw();
  EXPECT_EQ(store->dialect(), SqlDialect::postgres);
  EXPECT_EQ(tx->query_one<std::string>("show transaction_isolation").or_throw(), "repeatable read");
  EXPECT_EQ(tx->query_one<std::string>("show fsync").or_throw(), "on");
  EXPECT_EQ(tx->query_one<std::string>("show synchronous_commit").or_throw(), "on");
  EXPECT_EQ(tx->query_one<std::string>("show client_encoding").or_throw(), "UTF8");
  EXPECT_EQ(tx->query_one<std::string>("show application_name").or_throw(), "tidings");
  const auto lower = open("&isolation=read-committed");
  EXPECT_EQ(lower->begin(30s).or_throw()->query_one<std::string>("show transaction_isolation").or_throw(),
            "read committed");
}

TEST_F(PostgresStoreTest, ThereAreAsManyAtOnceAsConnections) {
  const auto store = open("", 2);
  auto one = store->begin(30s).or_throw();
  auto two = store->begin(30s).or_throw();
  EXPECT_NE(*one->query_one<std::int64_t>("select pg_backend_pid()").or_throw(),
            *two->query_one<std::int64_t>("select pg_backend_pid()").or_throw());
  const auto waited = store->begin(10ms);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, "busy");
  one.reset();
  EXPECT_TRUE(store->begin(0ms));
}

TEST_F(PostgresStoreTest, ASessionThatWasEndedIsToldAndTheNextTransactionHasAnother) {
  const auto store = open("", 1);
  in_one(*store, "create table t(x integer)");
  auto tx = store->begin(30s).or_throw();
  end_session(*tx);
  const auto broken = tx->execute("insert into t values (1)");
  EXPECT_EQ(broken.error().code, "unavailable") << to_string(broken.error());
  EXPECT_EQ(broken.error().retry, Retry::same_call);
  EXPECT_EQ(tx->commit().error().code, "transaction_failed");
  tx.reset();
  in_one(*store, "insert into t values (2)");
  // An idle one, too, is seen to be gone before anything is done in it.
  tx = store->begin(30s).or_throw();
  const auto session = tx->query_one<std::int64_t>("select pg_backend_pid()").or_throw();
  tx.reset();
  const auto other = open();
  in_one(*other, "select pg_terminate_backend(" + std::to_string(*session) + ")");
  in_one(*store, "insert into t values (3)");
  EXPECT_EQ(store->begin(30s).or_throw()->query<std::int64_t>("select x from t order by x").or_throw(),
            (std::vector<std::int64_t>{2, 3}));
}

TEST_F(PostgresStoreTest, ACommitWhoseSessionWasEndedIsUnknown) {
  const auto store = open("", 1);
  in_one(*store, "create table t(x integer)");
  auto tx = store->begin(30s).or_throw();
  tx->execute("insert into t values (1)").or_throw();
  end_session(*tx);
  const auto lost = tx->commit();
  EXPECT_EQ(lost.error().code, "outcome_unknown") << to_string(lost.error());
  EXPECT_EQ(lost.error().retry, Retry::same_call);
}

TEST_F(PostgresStoreTest, AServerThatDoesNotAnswerHoldsNobodyForEver) {
  const auto store = open("&answer_within=300ms&connect_within=300ms");
  in_one(*store, "create table t(x integer)");
  auto writes = store->begin(30s).or_throw();
  auto commits = store->begin(30s).or_throw();
  auto rolls_back = store->begin(30s).or_throw();
  commits->execute("insert into t values (1)").or_throw();
  server().stop();
  EXPECT_EQ(writes->execute("insert into t values (1)").error().code, "unavailable");
  EXPECT_EQ(commits->commit().error().code, "outcome_unknown");
  writes.reset();
  EXPECT_EQ(store->begin(10ms).error().code, "unavailable");
  EXPECT_EQ(open_store(url() + "&connect_within=300ms").error().code, "unavailable");
  server().resume();
  rolls_back->roll_back();
  in_one(*store, "insert into t values (3)");
}

TEST_F(PostgresStoreTest, AStatementOfManyRowsAndOneOfManyBytesCross) {
  const auto store = open();
  auto tx = store->begin(30s).or_throw();
  const std::string large(8 << 20, 'x');
  const auto rows = tx->query<std::string>("select $1 || n from generate_series(1, 4) n", large).or_throw();
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[3].size(), large.size() + 1);
}

TEST_F(PostgresStoreTest, StatementsAreMadeReadyOnceAndNoMoreThanAreOfUse) {
  const auto store = open("", 1);
  auto tx = store->begin(30s).or_throw();
  const auto ready = [&] {
    return *tx->query_one<std::int64_t>("select count(*) from pg_prepared_statements where name like 'tidings%'")
                .or_throw();
  };
  const auto before = ready();
  for (int round = 0; round < 5; ++round) tx->execute("select 1").or_throw();
  EXPECT_EQ(ready(), before + 1);
  for (int number = 0; number < 400; ++number) tx->execute("select 1 as x" + std::to_string(number)).or_throw();
  EXPECT_LE(ready(), 130);
  EXPECT_GE(ready(), 100);
}

TEST_F(PostgresStoreTest, WhatIsRunLaterIsThereInItsOrderAndItsErrorIsTheNextCallsOrTheCommits) {
  const auto store = open("", 2);
  in_one(*store, "create table t(x integer unique)");
  const auto later = [](Transaction& tx, std::int64_t x) {
    tx.execute_later("insert into t values ($1)", x).or_throw();
  };
  auto tx = store->begin(30s).or_throw();
  for (std::int64_t x = 0; x < 500; ++x) later(*tx, x);
  EXPECT_EQ(tx->query_one<std::int64_t>("select count(*) from t").or_throw(), 500);
  later(*tx, 500);
  EXPECT_TRUE(tx->commit());
  tx = store->begin(30s).or_throw();
  later(*tx, 501);
  later(*tx, 7);
  later(*tx, 502);
  const auto told = tx->query<std::int64_t>("select 1").error();
  EXPECT_EQ(told.code, "constraint") << to_string(told);
  EXPECT_NE(told.message.find("in: insert into t"), std::string::npos) << told.message;
  EXPECT_EQ(tx->commit().error().code, "transaction_failed");
  tx = store->begin(30s).or_throw();
  later(*tx, 501);
  later(*tx, 7);
  EXPECT_EQ(tx->commit().error().code, "constraint");
  tx = store->begin(30s).or_throw();
  later(*tx, 501);
  tx->roll_back();
  tx = store->begin(30s).or_throw();
  later(*tx, 501);
  PQclear(PQexec(tx->native<PGconn>(), "insert into t values (502)"));
  tx->save().or_throw();
  later(*tx, 503);
  tx->roll_back_to_saved().or_throw();
  EXPECT_TRUE(tx->commit());
  tx = store->begin(30s).or_throw();
  EXPECT_EQ(tx->query<std::int64_t>("select x from t where x > 499 order by x").or_throw(),
            (std::vector<std::int64_t>{500, 501, 502}));
}

TEST_F(PostgresStoreTest, ATransactionLooksAtNothingBeforeItsFirstStatement) {
  const auto store = open("", 1);
  in_one(*store, "select 1");
  in_one(*store, "create table t(x integer)");  // statements that were ready are so no more
  auto tx = store->begin(30s).or_throw();
  tx->execute("set transaction isolation level serializable").or_throw();
  EXPECT_EQ(tx->query_one<std::string>("show transaction_isolation").or_throw(), "serializable");
}

TEST_F(PostgresStoreTest, ItsOwnHandleIsThere) {
  const auto store = open();
  auto tx = store->begin(30s).or_throw();
  auto* const handle = tx->native<PGconn>();
  ASSERT_NE(handle, nullptr);
  EXPECT_EQ(tx->native<int>(), nullptr);
  PQclear(PQexec(handle, "create table t(x integer)"));
  EXPECT_EQ(tx->execute("insert into t values (1)").or_throw(), 1U);
  // A failure of his is seen when it is committed.
  PQclear(PQexec(handle, "nonsense"));
  EXPECT_EQ(tx->commit().error().code, "transaction_failed");
  EXPECT_EQ(tx->native<PGconn>(), nullptr) << "it is over";
  EXPECT_EQ(store->begin(30s).or_throw()->execute("select * from t").error().code, "sql_error");
}

TEST_F(PostgresStoreTest, MistakesAreTold) {
  const auto store = open("", 1);
  in_one(*store, "create table stock(item text primary key, left_over integer not null)");
  const auto code = [&](const std::string& sql, const auto&... parameters) {
    auto tx = store->begin(30s).or_throw();
    const auto done = tx->execute(sql, parameters...);
    return done ? "none" : done.error().code;
  };
  EXPECT_EQ(code("copy stock to stdout"), "sql_error");
  EXPECT_EQ(code("copy stock from stdin"), "sql_error");
  EXPECT_EQ(code("delete from stock where item = $2", "a", "b"), "sql_error");
  EXPECT_EQ(code("rollback"), "sql_error");
  EXPECT_EQ(code(std::string("delete from stock\0 where true", 29)), "sql_error");
  EXPECT_EQ(code("set transaction read only"), "none");
  EXPECT_EQ(code("create database d"), "sql_error");
  {
    auto tx = store->begin(30s).or_throw();
    tx->execute("set transaction read only").or_throw();
    EXPECT_EQ(tx->execute("delete from stock").error().code, "read_only");
  }
  {
    auto tx = store->begin(30s).or_throw();
    tx->execute("set local statement_timeout = '20ms'").or_throw();
    const auto late = tx->execute("select pg_sleep(100)");
    EXPECT_EQ(late.error().code, "timeout");
    EXPECT_EQ(late.error().retry, Retry::same_call);
  }
  // The message says what the database says.
  const auto why = store->begin(30s).or_throw()->execute("selec 1").error();
  EXPECT_NE(why.message.find("syntax error at or near \"selec\" [42601], in: selec 1"), std::string::npos)
      << why.message;
}

TEST_F(PostgresStoreTest, RowsAreCountedWhereTheyChange) {
  const auto store = open();
  auto tx = store->begin(30s).or_throw();
  EXPECT_EQ(tx->execute("create table t(x integer)").or_throw(), 0U);
  EXPECT_EQ(tx->execute("insert into t select generate_series(1, 5)").or_throw(), 5U);
  EXPECT_EQ(tx->execute("select * from t").or_throw(), 0U);
  EXPECT_EQ(tx->execute("update t set x = x where x > $1 returning x", 3).or_throw(), 2U);
  EXPECT_EQ(tx->execute("delete from t").or_throw(), 5U);
}

TEST_F(PostgresStoreTest, AChildOfAForkLeavesTheConnectionsAlone) {
  auto store = open("", 2);
  in_one(*store, "create table t(x integer)");
  auto tx = store->begin(30s).or_throw();
  tx->execute("insert into t values (1)").or_throw();
  const auto child = ::fork();
  if (child == 0) {
    const bool failed = !tx->execute("insert into t values (2)");
    tx.reset();
    store.reset();
    ::_exit(failed ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(tx->query<std::int64_t>("select x from t").or_throw(), (std::vector<std::int64_t>{1}));
  EXPECT_TRUE(tx->commit());
}

TEST_F(PostgresStoreTest, ADatabaseThatIsNotThereOrNotForUsIsTold) {
  const auto at = [](const std::string& user, const std::string& database) {
    return open_store("postgres://" + user + "@127.0.0.1:" + std::to_string(server().port()) + "/" + database);
  };
  const auto none = at("tidings:open-sesame", "none");
  EXPECT_EQ(none.error().code, "unavailable") << to_string(none.error());
  const auto wrong = at("tidings:wrong-word", "postgres");
  EXPECT_EQ(wrong.error().code, "permission_denied") << to_string(wrong.error());
  EXPECT_EQ(wrong.error().retry, Retry::never);
  EXPECT_EQ(to_string(wrong.error()).find("wrong-word"), std::string::npos);
  EXPECT_EQ(at("tidings", "postgres").error().code, "permission_denied") << "without a password";
  EXPECT_EQ(at("tidings:open-sesame", "postgres?sslmode=nonsense").error().code, "invalid_url");
  // On the socket of its folder.
  const auto folder = "postgres:///postgres?host=" + server().folder();
  EXPECT_EQ(open_store(folder).error().code, "unavailable") << "on another port";
  // The first of several that is there.
  const auto second = open_store(
      "postgres://tidings:open-sesame@127.0.0.1:1,127.0.0.1:" + std::to_string(server().port()) + "/postgres");
  EXPECT_TRUE(second) << to_string(second.error());
}

}  // namespace
}  // namespace tidings::stores::postgres
