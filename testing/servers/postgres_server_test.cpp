#include "testing/servers/postgres_server.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <thread>

#include "testing/servers/needs_server.hpp"

namespace tidings::testing {
namespace {

using namespace std::chrono_literals;

/// The processes that have `folder` in their arguments or as their working folder, and their states.
std::string states_of(const std::string& folder) {
  std::string states;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const auto cwd = std::filesystem::read_symlink(entry.path() / "cwd", error).string();
    if (error || !cwd.starts_with(folder)) continue;
    std::ifstream stat(entry.path() / "stat");
    std::string text;
    std::getline(stat, text);
    if (const auto end = text.rfind(')'); end != text.npos && text[end + 2] != 'Z') states += text[end + 2];
  }
  return states;
}

bool comes_to_be_gone(const std::string& folder) {
  for (int round = 0; round < 4000; ++round) {
    if (states_of(folder).empty()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

TEST(PostgresServer, IsKilledWithAllItsProcessesAndComesBackOnItsPort) {
  TIDINGS_NEEDS_SERVER(postgres_is_there());
  auto server = start_postgres_server();
  ASSERT_TRUE(server) << to_string(server.error());
  const auto port = (*server)->port();
  const auto data = (*server)->folder() + "/data";
  EXPECT_TRUE(port_accepts(port));
  EXPECT_TRUE(std::filesystem::exists((*server)->folder() + "/.s.PGSQL." + std::to_string(port)));
  EXPECT_GE(states_of(data).size(), 5U) << "it is several processes";
  (*server)->kill();
  EXPECT_EQ(states_of(data), "");
  EXPECT_FALSE(port_accepts(port));
  const auto again = (*server)->restart();
  ASSERT_TRUE(again) << to_string(again.error());
  EXPECT_TRUE(port_accepts(port));
  EXPECT_EQ(postgres_url(**server), "postgres://tidings:open-sesame@127.0.0.1:" + std::to_string(port) + "/postgres");
  server->reset();
  EXPECT_EQ(states_of(data), "");
  EXPECT_FALSE(std::filesystem::exists(data));
}

TEST(PostgresServer, StopsAsAWholeAndGoesOn) {
  TIDINGS_NEEDS_SERVER(postgres_is_there());
  auto server = start_postgres_server();
  ASSERT_TRUE(server) << to_string(server.error());
  const auto data = (*server)->folder() + "/data";
  (*server)->stop();
  for (int round = 0; round < 2000 && states_of(data).find_first_not_of('T') != std::string::npos; ++round)
    std::this_thread::sleep_for(5ms);
  EXPECT_EQ(states_of(data).find_first_not_of('T'), std::string::npos) << states_of(data);
  (*server)->resume();
  for (int round = 0; round < 2000 && states_of(data).find('T') != std::string::npos; ++round)
    std::this_thread::sleep_for(5ms);
  EXPECT_EQ(states_of(data).find('T'), std::string::npos) << states_of(data);
}

TEST(PostgresServer, GoesWithWhoStartedItAlsoWhileItIsStopped) {
  TIDINGS_NEEDS_SERVER(postgres_is_there());
  for (const bool stopped : {false, true}) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const auto child = ::fork();
    if (child == 0) {
      auto server = start_postgres_server();
      std::array<char, 256> folder{};
      if (server) (*server)->folder().copy(folder.data(), folder.size() - 1);
      if (server && stopped) (*server)->stop();
      (void)!::write(ends[1], folder.data(), folder.size());
      ::pause();
      ::_exit(1);
    }
    std::array<char, 256> folder{};
    ASSERT_EQ(::read(ends[0], folder.data(), folder.size()), static_cast<ssize_t>(folder.size()));
    const std::string path(folder.data());
    ASSERT_FALSE(path.empty());
    EXPECT_FALSE(states_of(path).empty());
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    EXPECT_TRUE(comes_to_be_gone(path)) << states_of(path) << (stopped ? ", stopped" : "");
    std::filesystem::remove_all(path);
    ::close(ends[0]);
    ::close(ends[1]);
  }
}

}  // namespace
}  // namespace tidings::testing
