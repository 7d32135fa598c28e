#include "log/background.hpp"

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <latch>

namespace tidings::log {
namespace {

/// In a child: no limit of threads can be taken back from a process that is to go on, nor is root held to one.
int run_without_threads() {
  if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(65534) != 0 || ::setuid(65534) != 0)) return 2;
  rlimit limit{};
  ::getrlimit(RLIMIT_NPROC, &limit);
  const auto before = limit.rlim_cur;
  limit.rlim_cur = 0;
  ::setrlimit(RLIMIT_NPROC, &limit);
  Background background;
  std::latch done(2);
  background.post(&done, [&] { done.count_down(); });
  if (done.try_wait()) return 3;
  limit.rlim_cur = before;
  ::setrlimit(RLIMIT_NPROC, &limit);
  background.post(&background, [&] { done.count_down(); });
  done.wait();
  return 0;
}

TEST(Background, WhatComesWhereThereIsNoThreadIsDoneWithTheNext) {
  const auto child = ::fork();
  if (child == 0) {
    ::alarm(20);
    try {
      ::_exit(run_without_threads());
    } catch (...) {
      ::_exit(4);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace tidings::log
