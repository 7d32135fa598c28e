#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "traffic.hpp"

namespace tidings::testing {

namespace {

using namespace std::chrono_literals;

/// Runs in a process of its own, which then dies, as a handler that brings its process down.
void die_after(Trial& trial, const std::function<void(Trial&, Broker&)>& run) {
  const auto child = ::fork();
  trial.require(child >= 0, "fork failed");
  if (child == 0) {
    Trial own(trial.patience());
    own.guard([&](Trial& mine) {
      const auto broker = mine.need(trial.under_test().open(), "open");
      run(mine, *broker);
      ::raise(SIGKILL);
    });
    ::_exit(1);  // it did not come so far
  }
  int status = 0;
  pid_t ended = 0;
  for (const auto until = steady_now() + 2 * trial.patience(); ended == 0 && steady_now() < until;) {
    ended = ::waitpid(child, &status, WNOHANG);
    if (ended == 0) std::this_thread::sleep_for(1ms);
  }
  if (ended == 0) {
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
  }
  trial.require(ended == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
                "the member in another process did not get its deliveries");
}

void attempts_survive_the_crash_of_their_process(Trial& trial) {
  auto broker = trial.open();
  if (!broker->capabilities().attempts_survive_crash)
    trial.unsupported("the broker's capabilities do not claim attempts_survive_crash");
  create_topic(trial, *broker, "orders");
  publish(trial, *broker, "orders", events("e", 6));
  broker.reset();  // what is open must not be used in a child
  for (int death = 1; death <= 2; ++death)
    die_after(trial, [&](Trial& mine, Broker& over) {
      const auto member = join(mine, over, "orders", "group");
      const auto first = death == 1 ? 0U : 1U;  // the first is settled once
      const auto got = take(mine, *member, 6 - first);
      const auto of = [&](std::size_t number) { return got[number - first]; };
      const auto begin = [&](std::size_t number) {
        const Attempt one{of(number).id, of(number).attempt};
        member->begin({&one, 1});
      };
      if (death == 1) {
        begin(0);
        settle(mine, *member, {&got[0], 1});
        begin(2);
      }
      begin(1);
      begin(3);
      const auto well = of(3).id;
      member->end({&well, 1});
    });
  broker = trial.open();
  const auto member = join(trial, *broker, "orders", "group");
  const auto got = take(trial, *member, 5);
  check_same(trial, names_of(got), std::vector<std::string>{"e-1", "e-2", "e-3", "e-4", "e-5"}, "after two deaths");
  // e-1 was begun when each of both processes died, e-2 when the first did.
  for (const auto& [index, lost] : {std::pair{0U, 2}, {1U, 1}}) {
    const auto& one = got[index];
    const auto name = std::string(one.envelope.id);
    trial.check(one.lost == lost, name + " was begun by " + std::to_string(lost) + " that died; " +
                                      std::to_string(one.lost) + " are told");
    trial.check(one.attempt == lost + 1, name + " comes as attempt " + std::to_string(one.attempt));
  }
  for (const auto index : {2U, 3U, 4U})
    trial.check(got[index].lost == 0 && got[index].attempt == 1,
                std::string(got[index].envelope.id) + (index == 2 ? " came to a good end" : " was never begun") +
                    ", and is charged with the death of its process");
  settle(trial, *member, got);
  trial.check(group_info(trial, *broker, "orders", "group").lag() == 0, "all is settled, but there is a lag");
}

}  // namespace

std::vector<CaseEntry> crash_cases() {
  return {
      {{"attempts_survive_the_crash_of_their_process",
        "What was begun when its process died comes again as a later attempt, and says so; what ran well does not."},
       attempts_survive_the_crash_of_their_process},
  };
}

}  // namespace tidings::testing
