#include "demo/child.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>

namespace tidings::cli {
namespace {

/// Until it has ended; how stays to be asked.
void wait_for(const Child& child) {
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT), 0);
}

TEST(Child, ASignalBeforeItsProgramRunsIsNotSwallowedByAHandlerOfOurs) {
  struct sigaction ours{}, before{};
  ours.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGTERM, &ours, &before), 0);
  for (int i = 0; i < 50; ++i) {
    auto child = Child::start("/bin/sleep", {"600"}, "/", "/dev/null").or_throw();
    child.send(SIGTERM);
    wait_for(child);
    ASSERT_TRUE(child.ended()) << "start " << i;
    ASSERT_TRUE(WIFSIGNALED(*child.ended()));
    ASSERT_EQ(WTERMSIG(*child.ended()), SIGTERM);
  }
  ::sigaction(SIGTERM, &before, nullptr);
}

TEST(Child, TellsHowItEnded) {
  const auto end_of = [](const char* script) {
    auto child = Child::start("/bin/sh", {"-c", script}, "/", "/dev/null").or_throw();
    wait_for(child);
    return ending(child.ended().value_or(0));
  };
  EXPECT_EQ(end_of("exit 3"), "ended with status 3");
  EXPECT_EQ(end_of("kill -9 $$"), "was killed by SIGKILL");
  EXPECT_EQ(end_of("kill -s SEGV $$"), "was killed by SIGSEGV");
}

}  // namespace
}  // namespace tidings::cli
