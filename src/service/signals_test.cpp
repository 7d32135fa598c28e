// What signals and bad use do to a process: each case runs in a child of its own.
#include "service/signals.hpp"

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <tuple>

#include "service/testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;
using ::testing::ExitedWithCode;

class SignalsTest : public ::testing::Test {
 protected:
  SignalsTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

/// The process's service, as a main has it.
Service service_of(std::vector<std::string> flags, std::vector<Setting> own = {}) {
  flags.insert(flags.begin(), "inventory");
  static std::vector<std::string> kept;
  kept = std::move(flags);
  static std::vector<char*> arguments;
  arguments.clear();
  for (auto& flag : kept) arguments.push_back(flag.data());
  return Service::from_args("inventory", static_cast<int>(arguments.size()), arguments.data(), std::move(own));
}

void signal_self(int signal) {
  kill(getpid(), signal);
}

/// Ends with 0 where the handler that ran when `signal` came finished, and its event is settled; prints what else.
void drain(int signal, void (*send)(int) = signal_self) {
  const auto broker = open_broker("memory:drain").or_throw();
  auto service = service_of({"--broker", "memory:drain"});
  std::atomic<bool> finished = false;
  service.on("take", {}, [&](const Order&, Context& context) {
    send(signal);
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (!context.stop().stop_requested() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(1ms);
    finished = context.stop().stop_requested();
  });
  service.publish(Order{"a", 1}).or_throw();
  const auto status = service.run();
  if (!finished) std::fprintf(stderr, "the handler was not waited for\n");
  const auto groups = broker->groups("orders").or_throw();
  const bool settled = groups.size() == 1 && groups[0].lag() == 0 && groups[0].partitions.at(0).handled == 1;
  if (!settled) std::fprintf(stderr, "it was not settled\n");
  _exit(finished && settled ? status : 99);
}

TEST_F(SignalsTest, sigterm_lets_what_runs_finish) {
  EXPECT_EXIT(
      drain(SIGTERM), ExitedWithCode(0),
      "inventory: started on memory:drain, handlers: take\n.*stops: takes nothing new.*\n.*inventory: stopped\n");
}
TEST_F(SignalsTest, sigint_too) {
  EXPECT_EXIT(drain(SIGINT), ExitedWithCode(0), "inventory: stopped");
}

TEST_F(SignalsTest, one_that_comes_twice_at_once_lets_it_finish_too) {
  const auto twice = [] {
    same_signal_within = 1h;  // as long as the case may be kept from running between the two
    drain(SIGTERM, [](int signal) {
      raise(signal);  // to this thread: of two to the process one may be gone, while the other waits to be taken
      raise(signal);
    });
  };
  EXPECT_EXIT(twice(), ExitedWithCode(0), "inventory: stopped");
}

/// A handler that blocks for ever. `again`: the second signal.
void block(int again = 0) {
  auto service = service_of({"--broker", "memory:", "--drain", again != 0 ? "1h" : "100ms"});
  service.on("take", {}, [&](const Order&, Context& context) {
    signal_self(SIGTERM);
    while (!context.stop().stop_requested()) std::this_thread::sleep_for(1ms);
    if (again == SIGTERM) std::this_thread::sleep_for(same_signal_within.load());
    if (again != 0) signal_self(again);
    while (true) std::this_thread::sleep_for(1h);
  });
  service.publish(Order{"a", 1}).or_throw();
  _exit(service.run());
}

TEST_F(SignalsTest, a_blocked_handler_is_named_and_left) {
  EXPECT_EXIT(block(), ExitedWithCode(1), "did not stop within 100ms\n.*take still runs event .* \\(key 'a'\\)");
}
TEST_F(SignalsTest, a_second_signal_ends_at_once) {
  EXPECT_EXIT(block(SIGTERM), ExitedWithCode(128 + SIGTERM), "");
  EXPECT_EXIT(block(SIGINT), ExitedWithCode(128 + SIGINT), "") << "another signal, however soon";
}

TEST_F(SignalsTest, bad_use_exits_with_2_and_trouble_with_1) {
  EXPECT_EXIT(service_of({"--brokr", "x"}), ExitedWithCode(2),
              "^inventory: there is no flag '--brokr'; did you mean '--broker'\\?\n$");
  EXPECT_EXIT(service_of({"--broker", "pigeon:"}), ExitedWithCode(2), "^inventory: no broker for 'pigeon:'");
  for (const auto* const url : {"pigeon:\x1b[31m", "\x1b[31m", "log:x?\x1b[31m=1", "memory:x?\x1b[31m=1", "log:"})
    EXPECT_EXIT(service_of({"--broker", url}), ExitedWithCode(2), "^inventory: [^\x1b]*\n$") << url;
  EXPECT_EXIT(service_of({"--broker", "log:/dev/null/x"}), ExitedWithCode(1), "^inventory: ");
  EXPECT_EXIT(service_of({"--help"}), ExitedWithCode(0), "");
  EXPECT_EXIT(service_of({"--broker", "memory:", "--set", "handlers.tak.concurrency=1"})
                          .on("take", {}, [](const Order&) {})
                          .run() == 2
                  ? _exit(2)
                  : _exit(0),
              ExitedWithCode(2), "--set: there is no handler 'tak'; did you mean 'take'\\?");
}

/// Ends with 0 where a service that was started with descriptors closed still logs into none of its broker's files.
void start_without(std::initializer_list<int> descriptors) {
  std::string folder = (std::filesystem::temp_directory_path() / "tidings-closed-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) _exit(90);
  for (const int descriptor : descriptors) close(descriptor);
  {
    auto service = service_of({"--broker", "log:" + folder + "/data"});
    service.log().write(LogLevel::error, "this belongs on standard error");
    service.publish(Order{"a", 1}).or_throw();
    service.log().write(LogLevel::error, "this belongs on standard error");
  }
  int status = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder + "/data")) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path());
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    if (content.find("standard error") != std::string::npos) status = 91;
  }
  std::filesystem::remove_all(folder);
  _exit(status);
}

TEST_F(SignalsTest, a_service_without_standard_descriptors_writes_into_no_file) {
  EXPECT_EXIT(start_without({0, 1, 2}), ExitedWithCode(0), "");
  EXPECT_EXIT(start_without({2}), ExitedWithCode(0), "");
}

TEST_F(SignalsTest, logs_may_be_json) {
  const auto run = [] {
    auto service = service_of({"--broker", "memory:", "--log-format=json"});
    service.stop();
    _exit(service.run());
  };
  EXPECT_EXIT(
      run(), ExitedWithCode(0),
      "^\\{\"time\":\"[^\"]*Z\",\"level\":\"info\",\"service\":\"inventory\",\"text\":\"started on memory:, without "
      "handlers\"\\}\n");
}

TEST_F(SignalsTest, own_settings_reach_the_program) {
  auto service = service_of({"--broker", "memory:", "--stock", "7"}, {{"stock", "", "0"}, {"mails", "", "./mails"}});
  EXPECT_EQ(service.setting("stock"), "7");
  EXPECT_EQ(service.setting("mails"), "./mails");
  EXPECT_EQ(service.setting("namespace"), "");
  EXPECT_EQ(service.setting("log-level"), "info");
  EXPECT_DEATH(std::ignore = service.setting("stok"), "there is no such setting");
}

TEST_F(SignalsTest, what_signals_did_before_comes_back) {
  struct sigaction before{};
  struct sigaction during{};
  struct sigaction after{};
  sigaction(SIGTERM, nullptr, &before);
  {
    const Signals first(-1);
    {
      const Signals second(-1);
    }
    sigaction(SIGTERM, nullptr, &during);
  }
  sigaction(SIGTERM, nullptr, &after);
  EXPECT_NE(during.sa_handler, before.sa_handler);
  EXPECT_EQ(after.sa_handler, before.sa_handler);
}

}  // namespace
}  // namespace tidings::service
