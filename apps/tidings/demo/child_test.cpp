#include "demo/child.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <thread>

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

TEST(Child, ASignalBeforeItsProgramRunsIsNotSwallowedByAHandlerOfOurs) {
  struct sigaction ours{}, before{};
  ours.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGTERM, &ours, &before), 0);
  for (int i = 0; i < 50; ++i) {
    auto child = Child::start("/bin/sleep", {"600"}, "/", "/dev/null").or_throw();
    child.send(SIGTERM);
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (!child.ended() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
    ASSERT_TRUE(child.ended()) << "start " << i;
    ASSERT_TRUE(WIFSIGNALED(*child.ended()));
    ASSERT_EQ(WTERMSIG(*child.ended()), SIGTERM);
  }
  ::sigaction(SIGTERM, &before, nullptr);
}

TEST(Child, TellsHowItEnded) {
  const auto end_of = [](const char* script) {
    auto child = Child::start("/bin/sh", {"-c", script}, "/", "/dev/null").or_throw();
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (!child.ended() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
    return ending(child.ended().value_or(0));
  };
  EXPECT_EQ(end_of("exit 3"), "ended with status 3");
  EXPECT_EQ(end_of("kill -9 $$"), "was killed by SIGKILL");
  EXPECT_EQ(end_of("kill -s SEGV $$"), "was killed by SIGSEGV");
}

}  // namespace
}  // namespace tidings::cli
