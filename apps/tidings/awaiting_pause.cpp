#include "awaiting_pause.hpp"

#include <chrono>
#include <set>
#include <string>

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

// Processes look every two seconds, and one that starts knows after some more what it holds.
constexpr Duration nobody_after = 5s;
constexpr Duration look_every = 500ms;

}  // namespace

Result<PauseOutcome> await_pause(Pausing& asked, Duration deadline,
                                 const std::function<bool(const PauseAnswer&)>& on_answer,
                                 const std::function<bool()>& goes_on) {
  using End = PauseOutcome::End;
  const auto begun = Steady::now();
  Steady::time_point looked{};
  std::set<std::string> processes;
  PauseOutcome outcome;
  while (true) {
    auto answers = asked.answers();
    if (!answers) return answers.error();
    for (const auto& one : *answers) {
      processes.insert(one.process);
      if (!on_answer(one)) return PauseOutcome{.end = End::interrupted, .silence = std::move(outcome.silence)};
    }
    if (Steady::now() - looked >= look_every || !answers->empty()) {
      auto silent = asked.silence();
      if (!silent) return silent.error();
      outcome.silence = std::move(*silent);
      looked = Steady::now();
    }
    const auto waited = Steady::now() - begun;
    const bool is_quiet = outcome.silence.partitions.empty();
    if (!processes.empty() && is_quiet) return outcome;
    if ((processes.empty() && is_quiet && waited > nobody_after) || waited > deadline) {
      outcome.end = is_quiet ? End::nobody : End::not_all;
      return outcome;
    }
    if (!goes_on()) {
      outcome.end = End::interrupted;
      return outcome;
    }
  }
}

}  // namespace tidings::cli
