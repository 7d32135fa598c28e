#include <grp.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "tidings/bridge/bridge.hpp"
#include "tidings/brokers/open.hpp"

namespace tidings::bridge {
namespace {

/// Lets the process have threads again once it was told that there is none.
class Relief final : public LogSink {
 public:
  explicit Relief(const rlimit& limit) : limit_(limit) {}
  void write(LogLevel, std::string_view text) override {
    if (text.find("no_thread") == text.npos) return;
    ++told;
    ::setrlimit(RLIMIT_NPROC, &limit_);
  }
  int told = 0;

 private:
  const rlimit limit_;
};

/// In a child: no limit of threads can be taken back from a process that is to go on, nor is root held to one.
int run_without_threads(std::vector<std::string> topics) {
  if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(65534) != 0 || ::setuid(65534) != 0)) return 2;
  const auto from = open_broker("memory:from").or_throw();
  const auto to = open_broker("memory:to").or_throw();
  Envelope event;
  event.id = "1";
  event.type = "test";
  const std::array views{event.view()};
  for (const auto* const topic : {"mails", "orders"}) (void)from->publish(topic, views).or_throw();
  rlimit limit{};
  ::getrlimit(RLIMIT_NPROC, &limit);
  Relief relief(limit);
  limit.rlim_cur = 0;
  ::setrlimit(RLIMIT_NPROC, &limit);
  Bridge bridge(*from, *to, {.topics = std::move(topics), .follow = false, .log = &relief});
  if (!bridge.run({})) return 3;
  if (relief.told != 1) return 5;
  for (const auto* const topic : {"mails", "orders"})
    if (to->topic(topic).or_throw().partitions.at(0).end != Offset{1}) return 6;
  return 0;
}

TEST(BridgeThreads, WhereThereIsNoneItIsToldAndTriedAgain) {
  for (const auto& topics : {std::vector<std::string>{}, {"mails", "orders"}}) {
    const auto child = ::fork();
    if (child == 0) {
      ::alarm(60);
      try {
        ::_exit(run_without_threads(topics));
      } catch (...) {
        ::_exit(4);
      }
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
}

}  // namespace
}  // namespace tidings::bridge
