#include "tidings/base/log_sink.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace std::chrono_literals;
using tidings::write_log_line;

struct Pipe {
  Pipe() { EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0); }
  ~Pipe() {
    for (const int end : ends)
      if (end >= 0) ::close(end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  /// Until nothing more goes in.
  void fill() const {
    const int flags = ::fcntl(ends[1], F_GETFL);
    ::fcntl(ends[1], F_SETFL, flags | O_NONBLOCK);
    while (::write(ends[1], "x", 1) == 1) {
    }
    ::fcntl(ends[1], F_SETFL, flags);
  }

  std::array<int, 2> ends{-1, -1};
};

/// Interrupts system calls of this process all the time.
struct Alarms {
  Alarms() {
    struct sigaction action{};
    action.sa_handler = [](int) {};  // without SA_RESTART
    ::sigaction(SIGALRM, &action, &before);
    every(200);
  }
  ~Alarms() {
    every(0);
    ::sigaction(SIGALRM, &before, nullptr);
  }
  static void every(int microseconds) {
    const itimerval interval{.it_interval = {0, microseconds}, .it_value = {0, microseconds}};
    ::setitimer(ITIMER_REAL, &interval, nullptr);
  }
  struct sigaction before{};
};

TEST(WriteLogLine, SignalsAndShortWritesLoseNothing) {
  Pipe pipe;
  std::string line(1'000'000, 'a');
  for (std::size_t i = 0; i < line.size(); ++i) line[i] = static_cast<char>('a' + i % 23);
  std::string got;
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  ::pthread_sigmask(SIG_BLOCK, &alarm, nullptr);  // the reader is not interrupted: the writer is
  std::thread reader([&] {
    std::string part(3000, '\0');
    while (got.size() < line.size()) {
      const auto count = ::read(pipe.ends[0], part.data(), part.size());
      if (count <= 0) break;
      got.append(part, 0, static_cast<std::size_t>(count));
      if (got.size() % 50'000 < 3000) std::this_thread::sleep_for(1ms);
    }
  });
  ::pthread_sigmask(SIG_UNBLOCK, &alarm, nullptr);
  {
    const Alarms alarms;
    EXPECT_TRUE(write_log_line(pipe.ends[1], line, 60s));
  }
  ::close(std::exchange(pipe.ends[1], -1));
  reader.join();
  EXPECT_EQ(got, line);
}

TEST(WriteLogLine, ReaderWhoStoppedReadingDelaysABoundedTime) {
  const Pipe pipe;
  pipe.fill();
  const auto begin = std::chrono::steady_clock::now();
  errno = ENOENT;
  EXPECT_FALSE(write_log_line(pipe.ends[1], "lost\n", 50ms));
  EXPECT_EQ(errno, ENOENT);
  EXPECT_FALSE(write_log_line(pipe.ends[1], std::string(100'000, 'x'), 50ms));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

TEST(WriteLogLine, WritersToOneFullPipeAllReturn) {
  const Pipe pipe;
  const auto write = [&] {
    for (int i = 0; i < 30; ++i) write_log_line(pipe.ends[1], std::string(4000, 'x'), 10ms);  // 64 KiB fit
  };
  std::thread one(write), other(write);
  one.join();
  other.join();
}

TEST(WriteLogLine, WhereNothingCanBeWrittenItIsLost) {
  const Pipe pipe;
  EXPECT_FALSE(write_log_line(pipe.ends[0], "lost\n"));  // an end to read from
  EXPECT_TRUE(write_log_line(pipe.ends[0], ""));
}

/// The sinks' standard error, for the time being.
struct StderrInto {
  explicit StderrInto(int end) : before(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) { ::dup2(end, STDERR_FILENO); }
  ~StderrInto() {
    ::dup2(before, STDERR_FILENO);
    ::close(before);
  }
  int before;
};

TEST(StderrLog, ReaderWhoStoppedReadingDoesNotStopTheProgram) {
  const Pipe pipe;
  pipe.fill();
  const StderrInto full(pipe.ends[1]);
  tidings::stderr_log().write(tidings::LogLevel::error, "lost");
}

}  // namespace
