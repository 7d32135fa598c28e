// An orchestrator and two participants as processes that are killed all the while: every saga comes to its end, and
// what participants did is what the end says. TORTURE_ROUNDS kills, TORTURE_SEED.
#include "tests/crash/torture.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "testing/servers/eventually.hpp"
#include "testing/servers/needs_server.hpp"
#include "testing/servers/postgres_server.hpp"
#include "testing/servers/temporary_folder.hpp"
#include "tests/sagas/torture.hpp"
#include "tidings/brokers/open.hpp"
#include "tidings/saga/inspect.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::saga::torture {
namespace {

constexpr std::array<const char*, 3> roles{"orders", "stock", "payments"};

/// A service, as a process.
class Running {
 public:
  Running(std::string role, std::string folder, std::string store_url)
      : role_(std::move(role)), folder_(std::move(folder)), store_url_(std::move(store_url)) {}
  ~Running() { stop(SIGKILL); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void start(std::uint64_t seed) {
    const auto number = std::to_string(seed);
    pid_ = ::fork();
    if (pid_ != 0) return;
    const std::string word(service_word);
    std::array<const char*, 7> arguments{
        "sagas", word.c_str(), role_.c_str(), folder_.c_str(), store_url_.c_str(), number.c_str(), nullptr};
    ::execv("/proc/self/exe", const_cast<char* const*>(arguments.data()));
    ::_exit(127);
  }
  /// It has killed itself.
  bool is_dead() {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
    pid_ = -1;
    EXPECT_TRUE(WIFSIGNALED(status)) << role_ << " ended with " << status;
    return true;
  }
  /// Whether it ran until then.
  bool stop(int signal) {
    if (pid_ <= 0) return true;
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }

 private:
  const std::string role_, folder_, store_url_;
  pid_t pid_ = -1;
};

class SagaTorture : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    torture_.print("kills of an orchestrator and its participants");
    if (GetParam() == "postgres") {
      TIDINGS_NEEDS_SERVER(tidings::testing::postgres_is_there());
      postgres_ = tidings::testing::start_postgres_server().or_throw();
    }
    broker_ = open_broker("log:" + folder_.path() + "/log", {}).or_throw();
    for (const auto* const topic :
         {"orders", "ends", "stock", "payments", "stock-do", "stock-undo", "payments-do", "payments-undo"})
      broker_->create_topic(topic, {.partitions = 2, .durability = Durability::memory}).or_throw();
  }

  std::string store_url(const std::string& role) {
    return postgres_ ? tidings::testing::postgres_url(*postgres_) : "sqlite:" + folder_.path() + "/" + role + ".db";
  }
  template <class Event>
  void publish(const Event& event) {
    const auto envelope = make_envelope(event, {.source = "web"}).or_throw();
    const std::array views{envelope.view(), envelope.view()};  // twice, with one id
    broker_->publish(event_topic<Event>(), std::span(views).first(1 + chance_() % 2)).or_throw();
  }
  void place() {
    const auto number = placed_.size();
    const auto fate = static_cast<Fate>(chance_() % 9 > 6 ? 0 : chance_() % 7);
    const auto id = "order-" + std::to_string(number);
    placed_[id] = fate;
    publish(Placed{id, static_cast<std::int64_t>(fate)});
    if (fate == Fate::cancelled) to_cancel_.push_back(id);
    if (!to_cancel_.empty() && chance_() % 2 == 0) {
      publish(Cancelled{to_cancel_.back()});
      to_cancel_.pop_back();
    }
  }
  int between(int least, int most) { return std::uniform_int_distribution<int>(least, most)(chance_); }

  /// Those of the sagas that are not over.
  std::vector<std::string> under_way() {
    auto store = open_store(store_url("orders"), {}).or_throw();
    auto tx = store->begin(30s).or_throw();
    return tx->query<std::string>("select id from tidings_sagas where status not in ('completed', 'failed')")
        .or_throw();
  }
  std::int64_t number(const std::string& role, const std::string& sql) {
    auto store = open_store(store_url(role), {}).or_throw();
    auto tx = store->begin(30s).or_throw();
    return tx->query_one<std::int64_t>(sql).or_throw().value_or(0);
  }
  bool all_are_over() {
    return number("orders", "select count(*) from tidings_sagas") == static_cast<std::int64_t>(placed_.size()) &&
           under_way().empty() && std::ranges::all_of(roles, [&](const char* role) {
             return number(role, "select count(*) from tidings_outbox") == 0;
           });
  }

  struct Effect {
    std::string who;
    std::string order_id;
    std::string what;
  };
  /// How often, by who, order and what.
  std::map<std::string, int> effects() {
    std::map<std::string, int> all;
    std::vector<std::string> from{"stock"};
    if (!postgres_) from.emplace_back("payments");
    for (const auto& role : from) {
      auto store = open_store(store_url(role), {}).or_throw();
      auto tx = store->begin(30s).or_throw();
      for (const auto& one : tx->query<Effect>("select who, order_id, what from effects").or_throw())
        ++all[one.who + " " + one.order_id + " " + one.what];
    }
    return all;
  }
  std::map<std::string, std::vector<std::string>> ends() {
    std::map<std::string, std::vector<std::string>> all;
    auto reader = broker_->subscribe("ends", {.group = ""}).or_throw();
    while (true) {
      const auto got = reader->fetch(1'000, 50ms).or_throw();
      if (got.empty()) return all;
      for (const auto& one : got) all[std::string(one.envelope.key)].emplace_back(one.envelope.type);
    }
  }

  void check() {
    auto store = open_store(store_url("orders"), {}).or_throw();
    const auto done = effects();
    const auto told = ends();
    const auto times = [&](const std::string& who, const std::string& id, const std::string& what) {
      const auto found = done.find(who + " " + id + " " + what);
      return found == done.end() ? 0 : found->second;
    };
    std::map<Status, int> statuses;
    int undone = 0;
    for (const auto& [id, fate] : placed_) {
      const auto shown = show(*store, "order", id).or_throw();
      ASSERT_TRUE(shown) << id;
      const auto& now = shown->instance;
      ++statuses[now.status];
      const bool is_completed = now.status == Status::completed;
      for (const std::string who : {"stock", "payments"}) {
        EXPECT_LE(times(who, id, "done"), 1) << who << " " << id;
        EXPECT_EQ(times(who, id, "undone"), is_completed ? 0 : times(who, id, "done")) << who << " " << id;
        EXPECT_TRUE(!is_completed || times(who, id, "done") == 1) << who << " " << id;
        undone += times(who, id, "undone");
      }
      EXPECT_EQ(times("shipping", id, "done"), is_completed ? 1 : 0) << id;
      EXPECT_EQ(times("shipping", id, "undone"), 0) << id;
      const auto end = told.find(id);
      ASSERT_TRUE(end != told.end()) << id << ": nobody was told of its end";
      EXPECT_EQ(end->second, (std::vector<std::string>{is_completed ? "torture.confirmed" : "torture.failed"})) << id;
      const bool must_fail = fate == Fate::out_of_stock || fate == Fate::declined || fate == Fate::unanswered ||
                             fate == Fate::refused_unanswered;
      EXPECT_FALSE(must_fail && is_completed) << id;
      check_history(*shown);
    }
    EXPECT_EQ(number("orders", "select count(*) from tidings_saga_timers"), 0);
    EXPECT_GT(statuses[Status::completed], 0);
    EXPECT_GT(statuses[Status::failed], 0);
    EXPECT_EQ(statuses[Status::completed] + statuses[Status::failed], static_cast<int>(placed_.size()));
    std::printf("%zu orders, %d completed, %d failed, %d effects undone, %llu kills, %llu of them behind a commit\n",
                placed_.size(), statuses[Status::completed], statuses[Status::failed], undone,
                static_cast<unsigned long long>(kills_), static_cast<unsigned long long>(behind_commits_));
  }

  static void check_history(const Shown& shown) {
    const auto& id = shown.instance.id;
    ASSERT_FALSE(shown.history.empty()) << id;
    EXPECT_EQ(shown.history.front().what, "started") << id;
    EXPECT_EQ(shown.history.back().what, name_of(shown.instance.status)) << id;
    const auto times = [&](std::string_view what, std::string_view step) {
      return std::ranges::count_if(shown.history,
                                   [&](const Note& note) { return note.what == what && note.step == step; });
    };
    EXPECT_EQ(times("started", ""), 1) << id;
    for (const auto& step : shown.instance.steps) {
      EXPECT_LE(times("sent", step.name), 1) << id << " " << step.name;
      EXPECT_LE(times("done", step.name), 1) << id << " " << step.name;
      EXPECT_LE(times("undone", step.name), 1) << id << " " << step.name;
      EXPECT_EQ(times("undone", step.name) > 0, step.status == StepStatus::undone) << id << " " << step.name;
      EXPECT_TRUE(step.status == StepStatus::done || step.status == StepStatus::undone ||
                  step.status == StepStatus::failed || step.status == StepStatus::waiting)
          << id << " " << step.name << " " << name_of(step.status);
    }
    EXPECT_TRUE(shown.waits.empty()) << id;
  }

  crash::Torture torture_ = crash::Torture::from_environment(40);
  std::mt19937_64 chance_{torture_.seed};
  testing::TemporaryFolder folder_ = testing::TemporaryFolder::make("saga-torture").or_throw();
  std::unique_ptr<tidings::testing::ServerProcess> postgres_;
  std::unique_ptr<Broker> broker_;
  std::map<std::string, Fate> placed_;
  std::vector<std::string> to_cancel_;
  std::uint64_t kills_ = 0;
  std::uint64_t behind_commits_ = 0;  // of these
};
INSTANTIATE_TEST_SUITE_P(Stores, SagaTorture, ::testing::Values("sqlite", "postgres"),
                         [](const auto& one) { return one.param; });

TEST_P(SagaTorture, KilledAtAnyTimeEverySagaComesToItsEnd) {
  std::vector<std::unique_ptr<Running>> running;
  for (const auto* const role : roles) {
    running.push_back(std::make_unique<Running>(role, folder_.path(), store_url(role)));
    running.back()->start(chance_() | 1U);
  }
  while (kills_ < torture_.rounds) {
    for (int count = between(0, 3); count > 0; --count) place();
    std::this_thread::sleep_for(std::chrono::milliseconds(between(1, 120)));
    auto& one = *running[chance_() % running.size()];
    ASSERT_TRUE(one.stop(SIGKILL)) << "a service ended by itself";
    ++kills_;
    // Now and then they get on for a while.
    if (chance_() % 25 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(between(1'500, 3'500)));
    // Or it stays away for longer than commands are waited for.
    if (chance_() % 12 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(between(300, 900)));
    one.start(chance_() | 1U);
    for (auto& other : running) {
      if (!other->is_dead()) continue;
      ++kills_;
      ++behind_commits_;
      other->start(chance_() | 1U);
    }
  }
  for (auto& one : running) {
    ASSERT_TRUE(one->stop(SIGKILL));
    one->start(0);
  }
  while (placed_.size() < 20) place();
  for (const auto& id : to_cancel_) publish(Cancelled{id});
  if (!tidings::testing::eventually([&] { return all_are_over(); }, 60s, 50ms)) {
    std::string left;
    for (const auto& id : under_way()) left += id + " ";
    ADD_FAILURE() << left;
  }
  for (auto& one : running) EXPECT_TRUE(one->stop(SIGTERM));
  check();
}

}  // namespace
}  // namespace tidings::saga::torture

int main(int count, char** arguments) {
  if (count > 1 && std::string_view(arguments[1]) == tidings::saga::torture::service_word)
    return tidings::saga::torture::service_process(count, arguments);
  ::testing::InitGoogleTest(&count, arguments);
  return RUN_ALL_TESTS();
}
