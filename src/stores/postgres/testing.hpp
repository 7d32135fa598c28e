#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <atomic>
#include <string>

#include "testing/servers/needs_server.hpp"
#include "testing/servers/shared_postgres.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::stores::postgres {

using namespace std::chrono_literals;

/// What is lost on purpose is no news.
class Quiet final : public LogSink {
 public:
  void write(LogLevel, std::string_view) override {}
};

/// Tests over one server, each in a schema of its own.
class WithPostgres : public ::testing::Test {
 protected:
  void SetUp() override {
    TIDINGS_NEEDS_SERVER(tidings::testing::postgres_is_there());
    auto& shared = tidings::testing::SharedPostgres::get();
    ASSERT_TRUE(shared.ready()) << to_string(shared.ready().error());
    static std::atomic<int> number = 0;
    schema_ = "t" + std::to_string(number++);
    auto store = open_store(tidings::testing::postgres_url(shared.server())).or_throw();
    auto tx = store->begin(30s).or_throw();
    tx->execute("create schema " + schema_).or_throw();
    tx->commit().or_throw();
  }

  static tidings::testing::ServerProcess& server() { return tidings::testing::SharedPostgres::get().server(); }
  static tidings::testing::TcpProxy& proxy() { return tidings::testing::SharedPostgres::get().proxy(); }
  [[nodiscard]] std::string url(std::uint16_t port = 0) const {
    return tidings::testing::postgres_url(port == 0 ? server().port() : port) + "?options=-csearch_path%3D" + schema_;
  }
  [[nodiscard]] std::unique_ptr<Store> open(const std::string& more = "", std::size_t connections = 4) const {
    static Quiet quiet;
    return open_store(url() + more, {.connections = connections, .log = &quiet}).or_throw();
  }
  static void in_one(Store& store, const std::string& sql) {
    auto tx = store.begin(30s).or_throw();
    tx->execute(sql).or_throw();
    tx->commit().or_throw();
  }

  std::string schema_;
};

}  // namespace tidings::stores::postgres
