#include "testing/servers/server_process.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

namespace tidings::testing {
namespace {

using namespace std::chrono_literals;

ServerSpec shell(const std::string& text) {
  ServerSpec spec;
  spec.name = "shell";
  spec.program = "/bin/sh";
  spec.arguments = {"-c", text};
  spec.ready_when_port_accepts = false;
  return spec;
}

char state_of(pid_t process) {
  std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  std::getline(stat, text);
  return text.empty() ? ' ' : text.at(text.rfind(')') + 2);
}

bool comes_to(pid_t process, char state) {
  for (int round = 0; round < 2000; ++round) {
    if (state_of(process) == state) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

TEST(ServerProcess, IsReadyWhenItsLineStandsThereAndGoesWithItsFolder) {
  auto spec = shell("cat {folder}/greeting; exec sleep 100");
  spec.files["greeting"] = "hello on {port} and {port2} in {folder}\n";
  spec.ports = 2;
  spec.ready_line = "hello";
  auto server = ServerProcess::start(spec);
  ASSERT_TRUE(server) << to_string(server.error());
  const auto process = (*server)->process();
  const auto folder = (*server)->folder();
  EXPECT_EQ((*server)->output(), "hello on " + std::to_string((*server)->port()) + " and " +
                                     std::to_string((*server)->port(1)) + " in " + folder + "\n");
  server->reset();
  EXPECT_FALSE(std::filesystem::exists(folder));
  EXPECT_NE(::kill(process, 0), 0) << "it still runs";
}

TEST(ServerProcess, TellsWhatItWroteWhereItEndsOrIsNotReadyInTime) {
  auto spec = shell("echo no such luck >&2; exit 3");
  spec.ready_line = "ready";
  auto ended = ServerProcess::start(spec);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, "not_ready");
  EXPECT_NE(ended.error().message.find("no such luck"), std::string::npos) << ended.error().message;

  spec = shell("exec sleep 100");
  spec.ready_line = "ready";
  spec.ready_within = 50ms;
  auto late = ServerProcess::start(spec);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "not_ready");
}

TEST(ServerProcess, StartsAgainInItsFolderAndIsReadyOnlyThen) {
  auto spec = shell("echo x >>{folder}/starts; sleep 0.05; echo ready; exec sleep 100");
  spec.ready_line = "ready";
  auto server = ServerProcess::start(spec);
  ASSERT_TRUE(server) << to_string(server.error());
  const auto first = (*server)->process();
  const auto port = (*server)->port();
  ASSERT_TRUE((*server)->restart());
  EXPECT_NE((*server)->process(), first);
  EXPECT_EQ((*server)->port(), port);
  EXPECT_EQ(std::filesystem::file_size((*server)->folder() + "/starts"), 4U);
  EXPECT_EQ((*server)->output(), "ready\nready\n");
  EXPECT_TRUE((*server)->end());
  ASSERT_TRUE((*server)->restart());
}

TEST(ServerProcess, StopsAndGoesOn) {
  auto spec = shell("echo ready; exec sleep 100");
  spec.ready_line = "ready";
  auto server = ServerProcess::start(spec);
  ASSERT_TRUE(server) << to_string(server.error());
  (*server)->stop();
  EXPECT_TRUE(comes_to((*server)->process(), 'T'));
  (*server)->resume();
  EXPECT_TRUE(comes_to((*server)->process(), 'S'));
}

TEST(ServerProcess, OutlivesTheThreadThatStartedIt) {
  std::unique_ptr<ServerProcess> server;
  std::thread([&] {
    auto spec = shell("echo ready; exec sleep 100");
    spec.ready_line = "ready";
    auto started = ServerProcess::start(spec);
    if (started) server = std::move(*started);
  }).join();
  ASSERT_TRUE(server);
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(state_of(server->process()), 'S');
}

TEST(ServerProcess, DiesWithTheProcessThatStartedIt) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const auto child = ::fork();
  if (child == 0) {
    auto spec = shell("echo ready; exec sleep 100");
    spec.ready_line = "ready";
    auto server = ServerProcess::start(spec);
    const auto process = server ? (*server)->process() : -1;
    (void)!::write(ends[1], &process, sizeof process);
    ::pause();
    ::_exit(1);
  }
  pid_t process = -1;
  ASSERT_EQ(::read(ends[0], &process, sizeof process), static_cast<ssize_t>(sizeof process));
  ASSERT_GT(process, 0);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  bool gone = false;
  for (int round = 0; round < 2000 && !gone; ++round) {
    gone = state_of(process) == ' ' || state_of(process) == 'Z';
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_TRUE(gone) << "it outlives the process that started it";
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(ServerProcess, AMissingProgramIsToldByName) {
  const auto found = find_server("no-such-server", "no-such-package");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, "missing_server");
  EXPECT_NE(found.error().message.find("no-such-package"), std::string::npos);
}

}  // namespace
}  // namespace tidings::testing
