#include "tidings/outbox/libpq.hpp"

#include "tests/outbox/handles.hpp"

namespace tidings::outbox {
namespace {

class LibpqTest : public HandleTest {
 protected:
  void SetUp() override {
    TIDINGS_NEEDS_POSTGRES();
    open("postgres");
    connection_ = PQconnectdb(url_.c_str());
    ASSERT_EQ(PQstatus(connection_), CONNECTION_OK) << PQerrorMessage(connection_);
  }
  ~LibpqTest() override { PQfinish(connection_); }
  std::string run(const std::string& sql) {
    PGresult* const answer = PQexec(connection_, sql.c_str());
    std::string tag = PQcmdStatus(answer);
    PQclear(answer);
    return tag;
  }

  PGconn* connection_ = nullptr;
};

TEST_F(LibpqTest, TheEventLeavesWithTheTransactionOfItsProgram) {
  run("begin");
  enqueue(connection_, Placed{"o-1", 3}, options()).or_throw();
  run("rollback");
  EXPECT_EQ(backlog(), 0);
  run("begin");
  run(place());
  enqueue(connection_, Placed{"o-1", 3}, options()).or_throw();
  enqueue_envelope(connection_, "orders", raw(binary).view(), options()).or_throw();
  enqueue_envelope(connection_, "orders", raw("").view(), options()).or_throw();
  EXPECT_EQ(PQtransactionStatus(connection_), PQTRANS_INTRANS) << "it is the program's to commit";
  EXPECT_EQ(run("commit"), "COMMIT");
  EXPECT_EQ(count(orders()), 1);
  expect_published();
}

TEST_F(LibpqTest, OutsideOfATransactionAndInAFailedOneItIsRefused) {
  EXPECT_EQ(enqueue(connection_, Placed{"o-1", 3}, options()).error().code, "no_transaction");
  run("begin");
  run("no sql");
  EXPECT_EQ(enqueue(connection_, Placed{"o-1", 3}, options()).error().code, "transaction_failed");
  run("rollback");
  PQfinish(connection_);
  connection_ = PQconnectdb("host=127.0.0.1 port=1");
  EXPECT_EQ(enqueue(connection_, Placed{"o-1", 3}, options()).error().code, "unavailable");
}

TEST_F(LibpqTest, ARefusalFailsTheTransaction) {
  run("begin");
  run(place());
  EXPECT_EQ(enqueue(connection_, Placed{"o-1", 3}, refusing()).error().code, "too_large");
  EXPECT_EQ(PQtransactionStatus(connection_), PQTRANS_INERROR);
  EXPECT_EQ(run("commit"), "ROLLBACK");
  EXPECT_EQ(count(orders()), 0);
}

}  // namespace
}  // namespace tidings::outbox
