#include "tidings/saga/trial.hpp"

#include <algorithm>

#include "saga/machine.hpp"

namespace tidings::saga {

struct Trial::Taking {
  Trial& trial;

  [[nodiscard]] Moment moment() const {
    return {.now = trial.clock_.now(), .envelopes = {.source = "trial", .clock = &trial.clock_}};
  }
  void take(Result<Transition> made) {
    if (!made) {
      trial.last_ = made.error();
      return;
    }
    trial.last_ = {};
    if (!made->has_changed) return;
    trial.instance_ = std::move(made->instance);
    if (made->clears_all) trial.timers_.clear();
    for (const auto& step : made->cleared)
      std::erase_if(trial.timers_, [&](const auto& timer) { return timer.first.first == step; });
    for (const auto& timer : made->set)
      trial.timers_[{timer.step, static_cast<int>(timer.kind)}] = {timer.token, timer.due};
    for (auto& out : made->outgoing) trial.sent_.push_back({out.event.type, out.event.payload, out.event.id});
    std::ranges::move(made->notes, std::back_inserter(trial.notes_));
  }
};

Trial::Trial(Definition definition) : definition_(std::move(definition)), last_(definition_.check()) {}

void Trial::arrive(const EnvelopeView& event) {
  if (auto fine = definition_.check(); !fine) {
    last_ = fine;
    return;
  }
  Taking taking{*this};
  const auto& plan = definition_.plan();
  const auto id = correlate(plan, event);
  if (!id) {
    last_ = id.error();
  } else if (!*id) {
    last_ = Error{"not_awaited", "the saga does not wait for " + std::string(event.type) + " anywhere"};
  } else if (instance_.revision > 0 && **id != instance_.id) {
    last_ =
        Error{"another_saga", std::string(event.type) + " is for saga " + **id + ", and this one is " + instance_.id};
  } else if (instance_.revision > 0) {
    taking.take(saga::take(plan, instance_, event, taking.moment()));
  } else if (is_start(plan, event)) {
    taking.take(begin(plan, **id, event, taking.moment()));
  } else {
    last_ = {};  // passed over
  }
}

Trial& Trial::after(Duration wait) {
  sent_.clear();
  last_ = {};
  Taking taking{*this};
  const auto until = clock_.now() + wait;
  while (true) {
    const auto next = std::ranges::min_element(timers_, {}, [](const auto& one) { return one.second.due; });
    if (next == timers_.end() || next->second.due > until) break;
    const Timer timer{.step = next->first.first,
                      .kind = static_cast<TimerKind>(next->first.second),
                      .token = next->second.token,
                      .due = next->second.due};
    timers_.erase(next);
    clock_.advance(timer.due - clock_.now());
    taking.take(fire(definition_.plan(), instance_, timer, taking.moment()));
    if (!last_) return *this;
  }
  clock_.advance(until - clock_.now());
  return *this;
}

Trial& Trial::steer(Steering steering) {
  sent_.clear();
  if (instance_.revision == 0) {
    last_ = Error{"unknown_saga", "no event has begun it yet; give it one that does"};
    return *this;
  }
  Taking taking{*this};
  taking.take(saga::steer(definition_.plan(), instance_, steering, taking.moment()));
  return *this;
}

StepStatus Trial::step(std::string_view name) const {
  const auto found = std::ranges::find(instance_.steps, name, &StepProgress::name);
  return found == instance_.steps.end() ? StepStatus::waiting : found->status;
}

std::vector<std::string> Trial::ids() const {
  std::vector<std::string> all;
  for (const auto& one : sent_) all.push_back(one.id);
  return all;
}

Verdict Trial::compare(const std::vector<Sent>& wanted) const {
  if (!last_) return Verdict("it was refused: " + to_string(last_.error()));
  const auto is_same = [](const Sent& one, const Sent& other) {
    return one.type == other.type && one.json == other.json;
  };
  if (std::ranges::equal(wanted, sent_, is_same)) return {};
  const auto list = [](const std::vector<Sent>& all) {
    std::string text;
    for (const auto& one : all) text += "\n  " + one.type + " " + one.json;
    return all.empty() ? std::string("\n  nothing") : text;
  };
  auto why = "wanted:" + list(wanted) + "\nsent:" + list(sent_) + "\nthe saga is " +
             std::string(name_of(instance_.status)) + (instance_.why.empty() ? "" : ": " + instance_.why);
  for (const auto& one : instance_.steps) why += "\n  " + one.name + ": " + std::string(name_of(one.status));
  return Verdict(std::move(why));
}

Verdict Trial::then_fails(std::string_view code) const {
  if (last_) return Verdict("wanted the error " + std::string(code) + ", and it was taken");
  if (last_.error().code != code)
    return Verdict("wanted the error " + std::string(code) + ", and it was " + to_string(last_.error()));
  return {};
}

}  // namespace tidings::saga
