#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "testing/servers/shared_postgres.hpp"
#include "tidings/stores/open.hpp"
#include "tidings/testing/store_fixture.hpp"

namespace tidings::testing {

/// For the stores' suite: a schema of its own in the program's PostgreSQL, to which a proxy leads. Whoever uses it
/// links `tidings::testing`.
class PostgresUnderTest final : public StoreUnderTest {
 public:
  /// `session` and `more` are settings of the server's, as `-csynchronous_commit%3Doff`, and options of the URL, as
  /// `&isolation=read-committed`.
  explicit PostgresUnderTest(std::string session = {}, std::string more = {})
      : session_(std::move(session)), more_(std::move(more)) {
    static std::atomic<int> number = 0;
    schema_ = "s" + std::to_string(number++);
    made_ = make_schema();
  }
  ~PostgresUnderTest() override {  // what a case that failed has left
    (void)take_away(false);
    (void)lose_answers(false);
  }
  PostgresUnderTest(const PostgresUnderTest&) = delete;
  PostgresUnderTest& operator=(const PostgresUnderTest&) = delete;

  Result<std::unique_ptr<Store>> open(const StoreOptions& options) override {
    if (!made_) return made_.error();
    return open_store(url() + "?options=-csearch_path%3D" + schema_ + session_ + more_, options);
  }
  Result<> restart_server() override { return SharedPostgres::get().server().restart(); }
  Result<> take_away(bool away) override {
    if (!made_) return made_.error();
    SharedPostgres::get().proxy().refuse(away);
    return {};
  }
  Result<> lose_answers(bool lose) override {
    if (!made_) return made_.error();
    SharedPostgres::get().proxy().lose_answers(lose);
    return {};
  }

 private:
  [[nodiscard]] static std::string url() { return postgres_url(SharedPostgres::get().proxy().port()); }
  [[nodiscard]] Result<> make_schema() const {
    if (auto ready = SharedPostgres::get().ready(); !ready) return ready;
    auto store = open_store(url());
    if (!store) return store.error();
    auto tx = (*store)->begin(patience());
    if (!tx) return tx.error();
    if (auto made = (*tx)->execute("create schema " + schema_); !made) return made.error();
    return (*tx)->commit();
  }

  std::string session_;
  std::string more_;
  std::string schema_;
  Result<> made_;
};

}  // namespace tidings::testing
