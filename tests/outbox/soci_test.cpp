#include "tidings/outbox/soci.hpp"

#include <string>
#include <string_view>

#include "tests/outbox/handles.hpp"

namespace tidings::outbox {
namespace {

/// As SOCI wants it: `host=H port=P user=U password=W dbname=D`.
std::string in_words(std::string url) {
  const auto take_to = [&](std::string_view end) {
    const auto at = url.find(end);
    auto taken = url.substr(0, at);
    url.erase(0, at == url.npos ? at : at + end.size());
    return taken;
  };
  take_to("://");
  auto words = "user=" + take_to(":");
  words += " password=" + take_to("@");
  words += " host=" + take_to(":");
  words += " port=" + take_to("/");
  return words + " dbname=" + take_to("?");
}

class SociTest : public HandleTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "postgres") {
      TIDINGS_NEEDS_POSTGRES();
    }
    open(GetParam());
    session_.open(GetParam() == "sqlite" ? "sqlite3://db=" + file() + " timeout=5" : "postgresql://" + in_words(url_));
  }
  soci::session session_;
};
INSTANTIATE_TEST_SUITE_P(Stores, SociTest, ::testing::Values("sqlite", "postgres"));

TEST_P(SociTest, TheEventLeavesWithTheTransactionOfItsProgram) {
  {
    soci::transaction transaction(session_);
    enqueue(session_, Placed{"o-1", 3}, options()).or_throw();
  }  // rolled back
  EXPECT_EQ(backlog(), 0);
  soci::transaction transaction(session_);
  session_ << place();
  enqueue(session_, Placed{"o-1", 3}, options()).or_throw();
  enqueue_envelope(session_, "orders", raw(binary).view(), options()).or_throw();
  enqueue_envelope(session_, "orders", raw("").view(), options()).or_throw();
  transaction.commit();
  EXPECT_EQ(count(orders()), 1);
  expect_published();
}

TEST_P(SociTest, OutsideOfATransactionItIsRefused) {
  EXPECT_EQ(enqueue(session_, Placed{"o-1", 3}, options()).error().code, "no_transaction");
  EXPECT_EQ(backlog(), 0);
  soci::transaction transaction(session_);
  session_ << place();
  transaction.commit();
  EXPECT_EQ(count(orders()), 1) << "and nothing has changed";
}

TEST_P(SociTest, AConnectionOfSqliteThatMayLoseWhatItCommittedIsRefused) {
  if (GetParam() != "sqlite") return;
  session_ << "pragma synchronous = normal";
  soci::transaction transaction(session_);
  EXPECT_EQ(enqueue(session_, Placed{"o-1", 3}, options()).error().code, "not_durable");
}

TEST_P(SociTest, ARefusalCannotBeCommittedUnnoticed) {
  if (GetParam() == "sqlite") session_ << "pragma foreign_keys = on";
  {
    soci::transaction transaction(session_);
    session_ << place();
    EXPECT_EQ(enqueue(session_, Placed{"o-1", 3}, refusing()).error().code, "too_large");
    try {
      transaction.commit();
    } catch (const soci::soci_error&) {
      // SQLite says so.
    }
  }
  EXPECT_EQ(count(orders()), 0);
}

}  // namespace
}  // namespace tidings::outbox
