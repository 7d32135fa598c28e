// Dead letters over processes that are killed, come and go: each key keeps its order, and nothing is lost.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "service/testing.hpp"
#include "tidings/service/dead_letters.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

// Steps from one that is tried to the next: all of them, but where each takes its time.
#ifdef __SANITIZE_THREAD__
constexpr int every = 5;
#else
constexpr int every = 1;
#endif

/// The process ends at the `at`-th step of its own.
class Steps {
 public:
  explicit Steps(int at) : at_(at) {}
  void step() {
    if (++count_ == at_) ::kill(::getpid(), SIGKILL);
  }

 private:
  const int at_;
  std::atomic<int> count_ = 0;
};

/// Every call that changes anything is a step before and after.
class Stepping final : public Wrapped {
 public:
  Stepping(std::unique_ptr<Broker> broker, Steps& steps) : Wrapped(std::move(broker)), steps_(steps) {}
  Result<std::vector<Published>> publish(std::string_view topic, std::span<const EnvelopeView> events,
                                         const PublishOptions& options = {}) override {
    steps_.step();
    auto published = Wrapped::publish(topic, events, options);
    steps_.step();
    return published;
  }
  Result<> create_topic(std::string_view topic, const TopicOptions& options) override {
    steps_.step();
    auto created = Wrapped::create_topic(topic, options);
    steps_.step();
    return created;
  }
  Result<std::unique_ptr<Consumer>> subscribe(std::string_view topic, const ConsumerOptions& options) override {
    auto consumer = Wrapped::subscribe(topic, options);
    if (!consumer) return consumer.error();
    return std::make_unique<Taker>(steps_, std::move(*consumer));
  }

 private:
  class Taker final : public WrappedConsumer {
   public:
    Taker(Steps& steps, std::unique_ptr<Consumer> consumer) : WrappedConsumer(std::move(consumer)), steps_(steps) {}
    Result<> settle(std::span<const DeliveryId> ids, Outcome outcome) override {
      steps_.step();
      auto settled = WrappedConsumer::settle(ids, outcome);
      steps_.step();
      return settled;
    }

   private:
    Steps& steps_;
  };
  Steps& steps_;
};

class DeadLettersCrashTest : public ::testing::Test {
 protected:
  DeadLettersCrashTest() {
    look_at_control_every = 20ms;
    if (::mkdtemp(folder_.data()) == nullptr) std::abort();
  }
  ~DeadLettersCrashTest() override { std::filesystem::remove_all(folder_); }

  void begin_anew() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
  }
  [[nodiscard]] std::unique_ptr<Broker> open() {
    return open_broker("log:" + folder_ + "/log", {.log = &lines_}).or_throw();
  }
  void publish(Broker& broker, const Order& order) {
    const auto envelope = make_envelope(order, {.source = "test"}).or_throw();
    broker.publish("orders", std::array{envelope.view()}).or_throw();
  }
  void mend() { std::ofstream(folder_ + "/mended") << "yes"; }

  struct Handled {
    int pid;
    std::string key;
    std::int64_t number;
  };
  [[nodiscard]] std::vector<Handled> handled() const {
    std::vector<Handled> all;
    std::ifstream file(folder_ + "/handled");
    for (Handled one; file >> one.pid >> one.key >> one.number;) all.push_back(one);
    return all;
  }
  /// In order: the next one comes, or, after another process, those again that it may not know to be done.
  void expect_order(const std::string& key, std::int64_t count, bool may_repeat) {
    std::int64_t last = -1;
    int pid = 0;
    std::string text;
    for (const auto& one : handled()) {
      if (one.key != key) continue;
      text += std::to_string(one.pid) + ":" + std::to_string(one.number) + " ";
      if (one.number != last + 1) {
        EXPECT_TRUE(may_repeat && one.pid != pid && one.number <= last) << key << ": " << text;
      }
      last = one.number;
      pid = one.pid;
    }
    EXPECT_EQ(last, count - 1) << key << ": " << text;
  }
  /// What the group's record counts is what the journal knows of.
  void expect_conserved(Broker& broker, std::uint64_t published) {
    std::uint64_t handled = 0, parked = 0, known = 0;
    for (const auto& group : broker.groups("orders").or_throw())
      for (const auto& one : group.partitions) handled += one.handled, parked += one.parked;
    EXPECT_EQ(handled + parked, published);
    if (auto letters = DeadLetters::read(broker, "test.take"))
      for (const auto& one : letters->counts()) known += one.parked;
    EXPECT_EQ(parked, known);
  }

  template <class Until>
  pid_t start(Until until, int kill_at = 0, Duration pace = 0ms) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    Steps steps(kill_at);
    auto broker = std::make_unique<Stepping>(open(), steps);
    const int file = ::open((folder_ + "/handled").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    auto service = Service::create({.name = "test", .broker = broker.get(), .log = log_of_child()}).or_throw();
    service.on(
        "take",
        {.concurrency = 3,
         .retry = {.immediate = 1, .delayed = 0},
         .in_flight_max = in_flight_max,
         .settle_within = settle_within},
        [&](const Order& order) -> Result<> {
          if (order.id.starts_with("bad") && order.number == poison && !std::filesystem::exists(folder_ + "/mended"))
            return Error{"bad", "it is bad"};
          steps.step();
          const auto line = std::to_string(::getpid()) + " " + order.id + " " + std::to_string(order.number) + "\n";
          if (::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
          steps.step();
          if (pace > 0ms) std::this_thread::sleep_for(pace);
          return {};
        });
    std::atomic<bool> ended = false;
    std::jthread running([&] {
      (void)service.run();
      ended = true;
    });
    const bool fine = eventually([&] { return ended || until(*broker); });
    service.stop();
    running.join();
    ::_exit(fine ? 0 : 1);
  }
  LogSink* log_of_child() {
    return std::getenv("TIDINGS_TEST_LOG") != nullptr ? &stderr_log() : static_cast<LogSink*>(&lines_);
  }
  static int end_of(pid_t pid) {
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return status;
  }
  static bool has_caught_up(Broker& broker) {
    const auto groups = broker.groups("orders").or_throw();
    return !groups.empty() && groups.front().lag() == 0;
  }

  /// Whether requests were carried out in so many partitions.
  static bool has_done(Broker& broker, int partitions) {
    auto reader = broker.subscribe("test.take.dead-letters", {}).or_throw();
    int done = 0;
    while (true) {
      const auto got = reader->fetch(1000, 1ms).or_throw();
      if (got.empty()) return done >= partitions;
      for (const auto& one : got) done += one.envelope.type == "tidings.dead-letters.done" ? 1 : 0;
    }
  }

  std::size_t in_flight_max = 1000;
  Duration settle_within = 30s;  // a third of it is how often a service looks after itself, so that tests are short
  static constexpr std::int64_t poison = 2;
  std::string folder_ = (std::filesystem::temp_directory_path() / "tidings-dead-XXXXXX").string();
  Lines lines_;
};

TEST_F(DeadLettersCrashTest, KilledAtEachStepOfParking) {
  constexpr std::int64_t count = 5;
  settle_within = 900ms;
  in_flight_max = 3;  // so that some of a key are settled while others have not come yet
  int steps = 0;
  for (int at = 1; at < 500; at += every) {
    SCOPED_TRACE(at);
    begin_anew();
    {
      auto broker = open();
      broker->create_topic("orders", {.durability = Durability::memory}).or_throw();
      for (std::int64_t number = 0; number < count; ++number)
        for (const auto* key : {"bad", "good"}) publish(*broker, {key, number});
    }
    const auto status = end_of(start(has_caught_up, at));
    if (status != 0) {
      ASSERT_TRUE(WIFSIGNALED(status)) << status;
      ASSERT_EQ(end_of(start(has_caught_up)), 0);
    }
    expect_order("good", count, true);
    expect_order("bad", poison, true);
    auto broker = open();
    expect_conserved(*broker, 2 * count);
    auto letters = DeadLetters::read(*broker, "test.take").or_throw();
    std::vector<std::uint64_t> offsets;
    letters
        .for_each({},
                  [&](const DeadLetter& one) {
                    offsets.push_back(one.offset.value);
                    return true;
                  })
        .or_throw();
    EXPECT_EQ(offsets, (std::vector<std::uint64_t>{4, 6, 8}));
    if (HasFailure()) return;
    if (status == 0) break;
    steps = at;
  }
  EXPECT_GT(steps, 20);
}

TEST_F(DeadLettersCrashTest, KilledAtEachStepOfRedriving) {
  constexpr std::int64_t count = 6;
  settle_within = 900ms;
  int steps = 0;
  for (int at = 1; at < 500; at += every) {
    SCOPED_TRACE(at);
    begin_anew();
    {
      auto broker = open();
      broker->create_topic("orders", {.durability = Durability::memory}).or_throw();
      for (std::int64_t number = 0; number < count - 1; ++number)
        for (const auto* key : {"bad", "bad2", "good"}) publish(*broker, {key, number});
    }
    ASSERT_EQ(end_of(start(has_caught_up)), 0);
    {
      auto broker = open();
      auto letters = DeadLetters::read(*broker, "test.take").or_throw();
      letters.publish({.filter = {.code = "bad"}}, "").or_throw();
      mend();
      for (const auto* key : {"bad", "bad2", "good"}) publish(*broker, {key, count - 1});
    }
    const auto until = [&](Broker& one) { return has_caught_up(one) && has_done(one, 1); };
    const auto status = end_of(start(until, at));
    if (status != 0) {
      ASSERT_TRUE(WIFSIGNALED(status)) << status;
      ASSERT_EQ(end_of(start(until)), 0);
    }
    auto broker = open();
    for (const auto* key : {"bad", "bad2", "good"}) expect_order(key, count, true);
    expect_conserved(*broker, 3 * count);
    for (const auto& one : DeadLetters::read(*broker, "test.take").or_throw().counts()) {
      EXPECT_EQ(one.open(), 0U);
      EXPECT_EQ(one.dropped, 0U);
    }
    if (HasFailure()) return;
    if (status == 0) break;
    steps = at;
  }
  EXPECT_GT(steps, 20);
}

/// Members come and go, one is killed, all the while events are published, parked and driven again.
TEST_F(DeadLettersCrashTest, OverTwoProcessesThatComeAndGo) {
  constexpr std::int64_t keys = 12, count = 120;
  auto broker = open();
  broker->create_topic("orders", {.partitions = 4, .durability = Durability::memory}).or_throw();
  const auto name = [](std::int64_t key) { return (key % 3 == 0 ? "bad" : "good") + std::to_string(key); };
  std::atomic<std::int64_t> published = 0;
  const auto publish_to = [&](std::int64_t number) {
    for (; published < number; ++published)
      for (std::int64_t key = 0; key < keys; ++key) publish(*broker, {name(key), published});
  };
  const auto never = [](Broker&) { return false; };
  const auto is_behind_by = [&](std::uint64_t most) {
    return eventually([&] {
      const auto groups = broker->groups("orders").or_throw();
      return !groups.empty() && groups.front().lag() <= most;
    });
  };
  const auto leaves = [&](pid_t pid) {
    ::kill(pid, SIGTERM);
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  };
  const auto first = start(never, 0, 1ms);
  publish_to(20);
  ASSERT_TRUE(is_behind_by(0));
  const auto second = start(never, 0, 1ms);  // takes half of the partitions over, with what is parked there
  publish_to(40);
  ASSERT_TRUE(is_behind_by(0));
  leaves(first);
  publish_to(50);
  ASSERT_TRUE(is_behind_by(0));
  for (std::int64_t key = 0; key < keys; ++key) expect_order(name(key), key % 3 == 0 ? poison : 50, false);
  ASSERT_FALSE(HasFailure());

  mend();
  auto letters = DeadLetters::read(*broker, "test.take").or_throw();
  letters.publish({}, "").or_throw();
  ASSERT_TRUE(eventually([&] { return letters.progress().or_throw().redriven > 10; }));
  const auto third = start(never, 0, 1ms);  // in the middle of it
  publish_to(80);
  ASSERT_TRUE(is_behind_by(0));
  ASSERT_TRUE(eventually([&] {
    const auto progress = letters.progress().or_throw();
    return progress.done == progress.partitions;
  }));
  for (std::int64_t key = 0; key < keys; ++key) expect_order(name(key), 80, false);
  ASSERT_FALSE(HasFailure());
  ::kill(second, SIGKILL);
  end_of(second);
  publish_to(count);
  ASSERT_TRUE(is_behind_by(0));
  leaves(third);
  for (std::int64_t key = 0; key < keys; ++key) expect_order(name(key), count, true);
  expect_conserved(*broker, static_cast<std::uint64_t>(keys * count));
}

/// Begins processes in the place of this one, which has threads by then: made before it has any.
class Launcher {
 public:
  explicit Launcher(std::function<void()> run) {
    if (::pipe2(ask_, O_CLOEXEC) != 0 || ::pipe2(answer_, O_CLOEXEC) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ != 0) {
      ::close(ask_[0]), ::close(answer_[1]);
      return;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ask_[1]), ::close(answer_[0]);
    for (char what = 0; ::read(ask_[0], &what, 1) == 1;) {
      const pid_t one = ::fork();
      if (one == 0) {
        run();
        ::_exit(1);
      }
      int status = 0;
      if (::waitpid(one, &status, 0) != one || ::write(answer_[1], &status, sizeof status) < 0) break;
    }
    ::_exit(0);
  }
  ~Launcher() {
    ::close(ask_[1]), ::close(answer_[0]);
    ::waitpid(pid_, nullptr, 0);
  }
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;
  /// The wait status of one more.
  int launch() {
    int status = -1;
    if (::write(ask_[1], "x", 1) != 1 || ::read(answer_[0], &status, sizeof status) != sizeof status) return -1;
    return status;
  }

 private:
  int ask_[2] = {-1, -1};
  int answer_[2] = {-1, -1};
  pid_t pid_ = -1;
};

/// A handler that brings its process down when the event is driven again does so a few times, not for ever.
TEST_F(DeadLettersCrashTest, WhatEndsItsProcessEachTimeIsGivenUp) {
  // The handler of the driven event is the first that steps: the others are done.
  Launcher launcher([&] {
    auto own = open();
    auto service = Service::create({.name = "test", .broker = own.get(), .log = log_of_child()}).or_throw();
    service.on("take", {}, [&](const Order&) { ::kill(::getpid(), SIGKILL); });
    std::jthread running([&] { (void)service.run(); });
    const bool fine = eventually([&] { return has_done(*own, 1); });
    service.stop();
    running.join();
    ::_exit(fine ? 0 : 1);
  });
  Launcher first([&] { ::_exit(end_of(start(has_caught_up)) == 0 ? 0 : 1); });
  auto broker = open();
  broker->create_topic("orders", {.durability = Durability::memory}).or_throw();
  for (std::int64_t number = 0; number < 4; ++number)
    for (const auto* key : {"bad", "good"}) publish(*broker, {key, number});
  ASSERT_EQ(first.launch(), 0);
  auto letters = DeadLetters::read(*broker, "test.take").or_throw();
  letters.publish({}, "").or_throw();
  mend();
  int deaths = 0;
  DeadLetterProgress progress;
  while (deaths < 20 && launcher.launch() != 0) ++deaths;
  EXPECT_EQ(deaths, 4);
  progress = letters.progress().or_throw();
  ASSERT_EQ(progress.given_up.size(), 1U);
  EXPECT_EQ(progress.given_up[0], "orders/0: the process ended 4 times without any progress");
  EXPECT_EQ(DeadLetters::read(*broker, "test.take").or_throw().counts().at(0).open(), 2U);
}

}  // namespace
}  // namespace tidings::service
