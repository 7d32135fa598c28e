// A projection is made anew by one command of the service that keeps it, while that serves and is written to: the
// command is killed in the middle, and is ended, and goes on.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <sstream>

#include "testing/servers/eventually.hpp"
#include "testing/servers/needs_server.hpp"
#include "testing/servers/shared_postgres.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tidings/aggregate/inspect.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/event/make_envelope.hpp"
#include "tidings/stores/open.hpp"

namespace shop {
struct OrderPlaced {
  std::string order_id;
  std::int64_t total = 0;
  static constexpr tidings::traits<OrderPlaced> event{
      .name = "shop.order-placed", .topic = "orders", .key = &OrderPlaced::order_id};
};
}  // namespace shop

namespace tidings {
namespace {

using namespace std::chrono_literals;

/// A process of the service, which is killed when this goes.
class Process {
 public:
  Process(const std::string& folder, std::vector<std::string> arguments) : log_(folder + "/out") {
    static std::atomic<int> number = 0;
    log_ += std::to_string(number++);
    arguments.insert(arguments.begin(), PROJECTING_SERVICE);
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ != 0) return;
    const int out = ::open(log_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ::dup2(out, 1);
    ::dup2(out, 2);
    if (::chdir(folder.c_str()) == 0) ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ~Process() {
    if (pid_ > 0) end(SIGKILL);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] bool is_running() {
    if (pid_ <= 0) return false;
    if (::waitpid(pid_, &status_, WNOHANG) == 0) return true;
    pid_ = -1;
    return false;
  }
  /// As a shell tells it; -1 of one that was killed.
  int end(int signal) {
    if (pid_ > 0 && signal != 0) ::kill(pid_, signal);
    return wait();
  }
  int wait() {
    if (pid_ > 0) ::waitpid(pid_, &status_, 0);
    pid_ = -1;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
  }
  /// Until a rebuild has said that a batch is in; false where it has ended before.
  [[nodiscard]] bool await_batch() {
    const auto has_said = [&] { return output().find("events read") != std::string::npos; };
    return testing::eventually([&] { return has_said() || !is_running(); }) && has_said();
  }
  [[nodiscard]] std::string output() const {
    std::ostringstream all;
    all << std::ifstream(log_).rdbuf();
    return all.str();
  }

 private:
  std::string log_;
  pid_t pid_ = -1;
  int status_ = 0;
};

class RebuildCommand : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    store_url_ = "sqlite:" + folder_.path() + "/shop.db";
    if (GetParam() == "postgres") {
      TIDINGS_NEEDS_SERVER(testing::postgres_is_there());
      auto& postgres = testing::SharedPostgres::get();
      ASSERT_TRUE(postgres.ready()) << to_string(postgres.ready().error());
      store_url_ = testing::postgres_url(postgres.server());
      const auto store = open_store(store_url_).or_throw();
      auto tx = store->begin(10s).or_throw();
      static int number = 0;
      const auto schema = "rebuild_command_" + std::to_string(number++);
      tx->execute("create schema " + schema).or_throw();
      tx->commit().or_throw();
      store_url_ += "?options=-csearch_path%3D" + schema;
    }
    broker_url_ = "log:" + folder_.path() + "/log";
  }
  std::vector<std::string> with(std::vector<std::string> more) {
    std::vector<std::string> all{"--broker", broker_url_, "--store", store_url_, "--namespace", "eu"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  void publish(int orders) {
    const auto broker = open_broker(broker_url_).or_throw();
    std::vector<Envelope> envelopes;
    for (int order = 0; order < orders; ++order)
      envelopes.push_back(
          make_envelope(shop::OrderPlaced{"o-" + std::to_string(next_order_++), 7}, {.source = "test"}).or_throw());
    std::vector<EnvelopeView> views;
    for (const auto& one : envelopes) views.push_back(one.view());
    broker->publish("eu.orders", views).or_throw();
  }
  struct Totals {
    std::int64_t orders = 0;
    std::int64_t total = 0;
  };
  Totals totals() {
    const auto store = open_store(store_url_).or_throw();
    auto tx = store->begin(30s).or_throw();
    return tx
        ->query_one<Totals>(
            "select count(*) as orders, cast(coalesce(sum(total), 0) as bigint) as total from "
            "order_totals")
        .or_throw()
        .value_or(Totals{});
  }
  std::optional<aggregate::ProjectionInfo> info() {
    const auto store = open_store(store_url_);
    if (!store) return std::nullopt;
    const auto all = aggregate::list_projections(**store);
    return all && !all->empty() ? std::optional(all->front()) : std::nullopt;
  }
  static std::uint64_t read_of(const std::optional<aggregate::ProjectionInfo>& info) {
    std::uint64_t sum = 0;
    if (info && info->rebuild)
      for (const auto& one : info->rebuild->positions) sum += one.next.value;
    return sum;
  }
  bool await_orders(std::int64_t orders) {
    return testing::eventually([&] { return info() && totals().orders == orders; });
  }

  testing::TemporaryFolder folder_ = testing::TemporaryFolder::make("rebuild_command").or_throw();
  std::string store_url_, broker_url_;
  int next_order_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Stores, RebuildCommand, ::testing::Values("sqlite", "postgres"));

TEST_P(RebuildCommand, KilledInTheMiddleItLeavesWhatServesAndGoesOn) {
  constexpr int before = 2'600;
  publish(before);
  Process service(folder_.path(), with({}));
  ASSERT_TRUE(await_orders(before)) << service.output();
  {
    Process killed(folder_.path(), with({"--rebuild", "order-totals", "--slow", "1"}));
    ASSERT_TRUE(killed.await_batch());
    EXPECT_EQ(killed.end(SIGKILL), -1) << killed.output();
  }
  const auto broken_off = info();
  ASSERT_TRUE(broken_off && broken_off->rebuild) << "what was begun is there";
  EXPECT_EQ(broken_off->generation, 1);
  EXPECT_EQ(totals().orders, before) << "the old one serves";
  publish(10);
  ASSERT_TRUE(await_orders(before + 10)) << "and is written to";

  {
    Process ended(folder_.path(), with({"--rebuild=order-totals", "--slow", "1"}));
    ASSERT_TRUE(ended.await_batch());
    EXPECT_EQ(ended.end(SIGTERM), 1);
    EXPECT_NE(ended.output().find("another call goes on with it"), std::string::npos) << ended.output();
  }
  ASSERT_TRUE(info()->rebuild);
  EXPECT_GT(read_of(info()), read_of(broken_off));

  Process command(folder_.path(), with({"--rebuild", "order-totals"}));
  EXPECT_EQ(command.wait(), 0) << command.output();
  EXPECT_NE(command.output().find("generation 2 serves"), std::string::npos) << command.output();
  EXPECT_EQ(command.output().find("of " + std::to_string(before + 10) + " events"), std::string::npos)
      << "it went on, and read not all of them again: " << command.output();
  publish(10);
  ASSERT_TRUE(await_orders(before + 20)) << service.output();
  EXPECT_EQ(totals().total, (before + 20) * 7) << "each is in it once";
  EXPECT_FALSE(info()->rebuild);
  EXPECT_EQ(info()->tables.front().rows, static_cast<std::uint64_t>(before + 20));
  EXPECT_EQ(service.end(SIGTERM), 0);
}

TEST_P(RebuildCommand, AnewItBeginsAgainAndAnotherVersionServesFromTheSwitchOn) {
  constexpr int before = 1'600;
  publish(before);
  Process service(folder_.path(), with({}));
  ASSERT_TRUE(await_orders(before)) << service.output();
  {
    Process killed(folder_.path(), with({"--rebuild", "order-totals", "--model", "2", "--slow", "1"}));
    ASSERT_TRUE(killed.await_batch());
    EXPECT_EQ(killed.end(SIGKILL), -1) << killed.output();
  }
  ASSERT_EQ(info()->version, 1);
  Process command(folder_.path(), with({"--rebuild", "order-totals", "--anew", "--model", "2"}));
  EXPECT_EQ(command.wait(), 0) << command.output();
  EXPECT_NE(command.output().find("of " + std::to_string(before) + " events"), std::string::npos)
      << "all were read again: " << command.output();
  EXPECT_EQ(info()->version, 2);
  publish(5);
  EXPECT_EQ(service.end(SIGTERM), 0) << "of the old version, whose events wait";
  Process next(folder_.path(), with({"--model", "2"}));
  ASSERT_TRUE(await_orders(before + 5)) << next.output();
  EXPECT_EQ(next.end(SIGTERM), 0);
}

TEST_P(RebuildCommand, WhatCannotBeIsTold) {
  const auto said = [&](std::vector<std::string> arguments, int status) {
    Process command(folder_.path(), std::move(arguments));
    EXPECT_EQ(command.wait(), status) << command.output();
    return command.output();
  };
  EXPECT_NE(said(with({"--rebuild", "order-total"}), 1).find("there are order-totals"), std::string::npos);
  EXPECT_NE(said(with({"--rebuild", "order-totals"}), 1).find("orders"), std::string::npos) << "there is no topic yet";
  EXPECT_NE(said(with({"--anew"}), 2).find("--rebuild NAME"), std::string::npos);
  EXPECT_NE(said({"--broker", broker_url_, "--rebuild", "order-totals"}, 1).find("--store"), std::string::npos);
}

}  // namespace
}  // namespace tidings
