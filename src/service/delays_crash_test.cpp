// Services that publish later, killed again and again: what was acknowledged comes.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "service/testing.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

class DelaysCrash : public ::testing::Test {
 protected:
  DelaysCrash() {
    if (::mkdtemp(folder_.data()) == nullptr) std::abort();
  }
  ~DelaysCrash() override { std::filesystem::remove_all(folder_); }

  /// A number on a line of its own: one write, so that a kill leaves it whole or not at all.
  static void note(int file, std::int64_t number) {
    const auto line = std::to_string(number) + "\n";
    if (::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
  }
  [[nodiscard]] int open_file(const std::string& name) const {
    return ::open((folder_ + "/" + name).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  }
  [[nodiscard]] std::multiset<std::int64_t> numbers(const std::string& name) const {
    std::ifstream file(folder_ + "/" + name);
    std::multiset<std::int64_t> all;
    for (std::int64_t number = 0; file >> number;) all.insert(number);
    return all;
  }

  /// A process that handles, and publishes for later from `first` on until it is ended.
  pid_t start(std::int64_t first, bool publishes) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    Lines lines;
    auto broker = open_broker("log:" + folder_ + "/log", {.log = &lines}).or_throw();
    auto service = Service::create({.name = "test", .broker = broker.get(), .log = &lines}).or_throw();
    const int seen = open_file("seen");
    const int acknowledged = open_file("acknowledged");
    service.on("count", {}, [&](const Tick& tick) { note(seen, tick.number); });
    std::jthread running([&] { (void)service.run(); });
    std::minstd_rand random(static_cast<unsigned>(first + 1));
    for (std::int64_t number = first; publishes; ++number) {
      // Up to the second level.
      if (service.publish_after(Tick{number}, std::chrono::milliseconds{random() % 4000})) note(acknowledged, number);
    }
    running.join();
    ::_exit(0);
  }
  static void end(pid_t pid) {
    ::kill(pid, SIGKILL);
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  }

  std::string folder_ = (std::filesystem::temp_directory_path() / "tidings-delays-XXXXXX").string();
};

TEST_F(DelaysCrash, WhatWaitsComesWhoeverIsKilled) {
  std::mt19937 random(7);
  for (int round = 0; round < 12; ++round) {
    const auto pid = start(round * 1'000'000, true);
    std::this_thread::sleep_for(std::chrono::milliseconds{100 + random() % 500});
    end(pid);
  }
  const auto acknowledged = numbers("acknowledged");
  ASSERT_GT(acknowledged.size(), 100U) << "they had time to publish some";
  const auto pid = start(0, false);
  const auto missing = [&] {
    const auto seen = numbers("seen");
    return std::ranges::count_if(acknowledged, [&](std::int64_t number) { return !seen.contains(number); });
  };
  EXPECT_TRUE(eventually([&] { return missing() == 0; })) << missing() << " of " << acknowledged.size();
  end(pid);
}

}  // namespace
}  // namespace tidings::service
