#include "tidings/outbox/sqlitecpp.hpp"

#include <SQLiteCpp/Transaction.h>

#include "tests/outbox/handles.hpp"

namespace tidings::outbox {
namespace {

class SqliteCppTest : public HandleTest {
 protected:
  SqliteCppTest() { open("sqlite"); }
};

TEST_F(SqliteCppTest, TheEventLeavesWithTheTransactionOfItsProgram) {
  SQLite::Database database(file(), SQLite::OPEN_READWRITE, 5000);
  EXPECT_EQ(enqueue(database, Placed{"o-1", 3}, options()).error().code, "no_transaction");
  {
    SQLite::Transaction transaction(database);
    enqueue(database, Placed{"o-1", 3}, options()).or_throw();
  }  // rolled back
  EXPECT_EQ(backlog(), 0);
  SQLite::Transaction transaction(database);
  database.exec(place());
  enqueue(database, Placed{"o-1", 3}, options()).or_throw();
  enqueue_envelope(database, "orders", raw(binary).view(), options()).or_throw();
  enqueue_envelope(database, "orders", raw("").view(), options()).or_throw();
  transaction.commit();
  expect_published();
}

TEST_F(SqliteCppTest, WhereForeignKeysAreLookedAtARefusalCannotBeCommittedUnnoticed) {
  SQLite::Database database(file(), SQLite::OPEN_READWRITE, 5000);
  database.exec("pragma foreign_keys = on");
  SQLite::Transaction transaction(database);
  database.exec(place());
  EXPECT_EQ(enqueue(database, Placed{"o-1", 3}, refusing()).error().code, "too_large");
  EXPECT_THROW(transaction.commit(), SQLite::Exception);
}

}  // namespace
}  // namespace tidings::outbox
