#include "tidings/outbox/pqxx.hpp"

#include "tests/outbox/handles.hpp"

namespace tidings::outbox {
namespace {

class PqxxTest : public HandleTest {
 protected:
  void SetUp() override {
    TIDINGS_NEEDS_POSTGRES();
    open("postgres");
  }
};

static_assert(detail::TakesRows<pqxx::work>);
static_assert(detail::TakesRows<pqxx::subtransaction>);
static_assert(!detail::TakesRows<pqxx::nontransaction>, "it commits by itself");

TEST_F(PqxxTest, TheEventLeavesWithTheTransactionOfItsProgram) {
  pqxx::connection connection(url_);
  {
    pqxx::work work(connection);
    enqueue(work, Placed{"o-1", 3}, options()).or_throw();
  }  // rolled back
  EXPECT_EQ(backlog(), 0);
  pqxx::work work(connection);
  work.exec(place());
  enqueue(work, Placed{"o-1", 3}, options()).or_throw();
  enqueue_envelope(work, "orders", raw(binary).view(), options()).or_throw();
  enqueue_envelope(work, "orders", raw("").view(), options()).or_throw();
  work.commit();
  EXPECT_EQ(count(orders()), 1);
  expect_published();
}

TEST_F(PqxxTest, ARefusalFailsTheTransaction) {
  pqxx::connection connection(url_);
  pqxx::work work(connection);
  work.exec(place());
  EXPECT_EQ(enqueue(work, Placed{"o-1", 3}, refusing()).error().code, "too_large");
  EXPECT_ANY_THROW(work.exec("select 1"));
  EXPECT_ANY_THROW(work.commit());
  EXPECT_EQ(count(orders()), 0);
}

}  // namespace
}  // namespace tidings::outbox
