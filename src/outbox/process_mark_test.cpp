#include "outbox/process_mark.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace tidings::outbox {
namespace {

TEST(ProcessMarkTest, WhoHasEndedIsToldFromWhoHasNot) {
  EXPECT_FALSE(process_mark().empty());
  EXPECT_EQ(process_mark(), process_mark());
  EXPECT_FALSE(is_gone(process_mark()));
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto mark = process_mark();
    (void)!::write(pipe[1], mark.data(), mark.size());
    while (true) ::pause();
  }
  std::array<char, 200> bytes{};
  const auto size = ::read(pipe[0], bytes.data(), bytes.size());
  const std::string mark(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  EXPECT_NE(mark, process_mark());
  EXPECT_FALSE(is_gone(mark));
  ::kill(pid, SIGSTOP);
  EXPECT_FALSE(is_gone(mark)) << "it may go on";
  ::kill(pid, SIGKILL);
  siginfo_t ended{};
  ::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT);
  EXPECT_TRUE(is_gone(mark)) << "nobody has asked for its end yet";
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_TRUE(is_gone(mark));
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST(ProcessMarkTest, AnotherUnderTheSameNumberIsAnother) {
  auto mark = process_mark();
  mark.back() = mark.back() == '1' ? '2' : '1';
  EXPECT_TRUE(is_gone(mark));
}

TEST(ProcessMarkTest, WhatIsElsewhereOrMeansNothingIsNotKnownToBeGone) {
  const auto mark = process_mark();
  for (const auto& other : {std::string(), "x" + mark, mark.substr(0, mark.find('/')) + "/pid:[1]/1/1",
                            mark.substr(0, mark.rfind('/')), std::string("a/b/c/d")})
    EXPECT_FALSE(is_gone(other)) << other;
}

}  // namespace
}  // namespace tidings::outbox
