// What comes to an instance: events, timers, people.
#include <algorithm>

#include "saga/move.hpp"

namespace tidings::saga {

namespace {

const Source* find(const std::vector<Source>& sources, const EnvelopeView& event) {
  const auto found =
      std::ranges::find_if(sources, [&](const Source& source) { return source.kind->type == event.type; });
  return found == sources.end() ? nullptr : &*found;
}

std::string prefix_of(const Instance& instance) {
  return "saga/" + instance.type + "/" + instance.id + "/";
}

}  // namespace

Result<> Move::begin(const EnvelopeView& event) {
  auto& now = out_.instance;
  now.status = Status::running;
  now.correlation = event.correlation_id.empty() ? event.id : event.correlation_id;
  now.started_by = event.id;
  now.trace_parent = event.trace_parent;
  now.started_at = moment_.now;
  for (const auto& step : plan_.steps) now.steps.push_back({.name = step.name, .cause = {}, .content = {}});
  state_ = plan_.state.make();
  if (auto reacted = react(*find(plan_.starts, event), event); !reacted) return reacted;
  note("started");
  if (plan_.within > Duration::zero()) out_.set.push_back({"", TimerKind::deadline, 1, after(plan_.within)});
  return advance();
}

Result<> Move::take(const EnvelopeView& event) {
  auto& now = out_.instance;
  if (is_over(now.status)) return {};
  const auto was_answer = answer(event);
  if (!was_answer) return was_answer.error();
  if (*was_answer) return {};
  const auto* const cancel = find(plan_.cancels, event);
  if (cancel == nullptr || now.backward) return {};
  if (!can_go_back()) {
    note("cancel ignored", {}, "the pivot has been passed");
    return {};
  }
  if (auto reacted = react(*cancel, event); !reacted) return reacted;
  return begin_compensation("cancelled by " + std::string(event.type));
}

Result<bool> Move::answer(const EnvelopeView& event) {
  const auto& now = out_.instance;
  const bool names_command = event.causation_id.starts_with(prefix_of(now));
  for (const auto step : stage()) {
    const auto status = progress(step).status;
    const bool is_awaited = now.backward ? status == StepStatus::undoing || status == StepStatus::undo_unknown ||
                                               status == StepStatus::undo_failed
                                         : status == StepStatus::sent || status == StepStatus::unknown;
    if (!is_awaited) continue;
    // An answer that names another command of this saga is a late one of that, whatever its type.
    if (names_command && event.causation_id != command_id(now, progress(step), now.backward)) continue;
    const auto& action = now.backward ? *plan_.steps[step].undo : plan_.steps[step].act;
    if (const auto* const source = find(action.done, event)) {
      auto done = answered(step, true, *source, event);
      return done ? Result<bool>(true) : done.error();
    }
    if (const auto* const source = find(action.failed, event)) {
      if (status == StepStatus::undo_failed) continue;  // it has said so
      auto done = answered(step, false, *source, event);
      return done ? Result<bool>(true) : done.error();
    }
  }
  return false;
}

Result<> Move::answered(std::size_t step, bool is_done, const Source& source, const EnvelopeView& event) {
  auto& now = out_.instance;
  const auto& name = plan_.steps[step].name;
  if (auto reacted = react(source, event); !reacted) return reacted;
  clear_timers(step);
  if (now.backward) {
    progress(step).status = is_done ? StepStatus::undone : StepStatus::undo_failed;
    note(is_done ? "undone" : "undo failed", name);
    if (!is_done) {
      stick(name, "step '" + name + "' could not be undone: " + std::string(event.type));
      return {};
    }
    if (any_of_stage({StepStatus::undo_failed, StepStatus::undo_unknown})) return {};
    now.status = Status::compensating;
    return go_back();
  }
  progress(step).status = is_done ? StepStatus::done : StepStatus::failed;
  note(is_done ? "done" : "failed", name);
  if (!is_done) {
    auto why = "step '" + name + "' failed: " + std::string(event.type);
    if (can_go_back()) return begin_compensation(std::move(why));
    stick(name, std::move(why));
    return {};
  }
  if (any_of_stage({StepStatus::failed, StepStatus::unknown})) return {};  // it stays stuck at another one
  now.status = Status::running;
  return advance();
}

Result<> Move::fire(const Timer& timer) {
  auto& now = out_.instance;
  if (is_over(now.status)) return {};
  if (timer.kind == TimerKind::deadline) return overdue();
  const auto found = std::ranges::find(now.steps, timer.step, &StepProgress::name);
  if (found == now.steps.end()) return {};
  const auto step = static_cast<std::size_t>(found - now.steps.begin());
  caused_by(command_id(now, *found, now.backward), "timer");
  if (timer.kind == TimerKind::remind) {
    if (found->status != StepStatus::sent || timer.token != found->reminders) return {};
    return remind(step);
  }
  if (timer.token != found->token) return {};
  if (found->status != StepStatus::sent && found->status != StepStatus::undoing) return {};
  return time_out(step);
}

Result<> Move::time_out(std::size_t step) {
  const auto& planned = plan_.steps[step];
  const bool undo = progress(step).status == StepStatus::undoing;
  const auto& action = undo ? *planned.undo : planned.act;
  if (progress(step).attempts <= action.retries) {
    const auto sent = send(step, undo);
    if (!sent) return sent.error();
    if (*sent) {
      note("sent again", planned.name, "attempt " + std::to_string(progress(step).attempts));
      return {};
    }
    // The state has nothing to send any more: there is nothing left to wait for but the answer that did not come.
  }
  clear_timers(step);
  auto why = "step '" + planned.name + "' has no answer after " + std::to_string(progress(step).attempts) +
             (progress(step).attempts == 1 ? " attempt" : " attempts");
  progress(step).status = undo ? StepStatus::undo_unknown : StepStatus::unknown;
  note("timed out", planned.name);
  if (undo)
    stick(planned.name, "the compensation of " + why);
  else if (can_go_back())
    return begin_compensation(std::move(why));
  else
    stick(planned.name, std::move(why));
  return {};
}

Result<> Move::remind(std::size_t step) {
  const auto& planned = plan_.steps[step];
  auto& now = progress(step);
  const auto number = ++now.reminders;
  auto sent = publish(planned.reminder->event,
                      prefix_of(out_.instance) + planned.name + "/remind/" + std::to_string(number), cause_id_);
  if (!sent) return sent.error();
  note("reminded", planned.name);
  out_.set.push_back({planned.name, TimerKind::remind, now.reminders, after(planned.reminder->every)});
  return {};
}

Result<> Move::overdue() {
  auto& now = out_.instance;
  caused_by(now.started_by, "timer");
  if (now.backward) return {};
  if (can_go_back()) return begin_compensation("it has not come to its end in time");
  note("overdue", {}, "the pivot has been passed: it only goes forward");
  out_.is_alert = true;
  return {};
}

Result<> Move::resume() {
  auto& now = out_.instance;
  note("resumed");
  now.why.clear();
  const auto again = [&](std::size_t step, StepStatus refused, StepStatus unanswered, int& round) {
    const auto status = progress(step).status;
    if (status != refused && status != unanswered) return false;
    // Who has refused it knows the id, and would not look again.
    if (status == refused) ++round;
    return true;
  };
  for (const auto step : stage()) {
    auto& at = progress(step);
    Result<> begun;
    if (now.backward) {
      if (again(step, StepStatus::undo_failed, StepStatus::undo_unknown, at.undo_round)) begun = begin_undo(step);
    } else if (again(step, StepStatus::failed, StepStatus::unknown, at.round)) {
      begun = begin_step(step);
    }
    if (!begun) return begun;
  }
  now.status = now.backward ? Status::compensating : Status::running;
  return now.backward ? go_back() : advance();
}

Result<> Move::compensate() {
  auto& now = out_.instance;
  if (now.backward)
    return Error{"is_compensating", "saga " + now.type + " " + now.id + " is going back; resume it if it is stuck"};
  for (int at = 0; at <= now.stage && std::cmp_less(at, plan_.stages.size()); ++at)
    for (const auto step : plan_.stages[static_cast<std::size_t>(at)])
      if (took_effect(step) && !plan_.steps[step].undo && !plan_.steps[step].needs_no_undo)
        return Error{"past_pivot", "step '" + plan_.steps[step].name + "' of saga " + now.type + " " + now.id +
                                       " has no compensation; resume it, or abandon it and put things right by hand"};
  return begin_compensation("compensated by hand");
}

}  // namespace tidings::saga
