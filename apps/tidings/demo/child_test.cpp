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

}  // namespace
}  // namespace tidings::cli
