#include "saga/move.hpp"

#include <algorithm>
#include <utility>

#include "tidings/base/text.hpp"

namespace tidings::saga {

Move::Move(const Plan& plan, const Instance& instance, const Moment& moment) : plan_(plan), moment_(moment) {
  out_.instance = instance;
  trace_parent_ = instance.trace_parent;
}

void Move::caused_by(const EnvelopeView& event) {
  caused_by(event.id, event.type);
  trace_parent_ = event.trace_parent;
}

void Move::caused_by(std::string_view id, std::string_view type) {
  cause_id_ = id;
  cause_type_ = type;
}

bool Move::is_in_stage() const {
  return out_.instance.stage >= 0 && std::cmp_less(out_.instance.stage, plan_.stages.size());
}

const std::vector<std::size_t>& Move::stage() const {
  static const std::vector<std::size_t> none;
  return is_in_stage() ? plan_.stages[static_cast<std::size_t>(out_.instance.stage)] : none;
}

bool Move::any_of_stage(std::initializer_list<StepStatus> statuses) const {
  return std::ranges::any_of(stage(), [&](std::size_t step) {
    return std::ranges::find(statuses, out_.instance.steps[step].status) != statuses.end();
  });
}

bool Move::can_go_back() const {
  return !out_.instance.backward && plan_.is_before_pivot(static_cast<std::size_t>(out_.instance.stage));
}

/// Or may have.
bool Move::took_effect(std::size_t step) const {
  const auto status = out_.instance.steps[step].status;
  return status == StepStatus::done || status == StepStatus::sent || status == StepStatus::unknown;
}

TimePoint Move::after(Duration wait) const {
  return moment_.now > TimePoint::max() - wait ? TimePoint::max() : moment_.now + wait;
}

Result<> Move::load_state() {
  if (state_) return {};
  auto read = plan_.state.read(out_.instance.state);
  if (!read) return read.error();
  state_ = std::move(*read);
  return {};
}

Result<> Move::react(const Source& source, const EnvelopeView& event) {
  if (!source.react) return {};
  if (auto loaded = load_state(); !loaded) return loaded;
  return source.react(state_.get(), event);
}

Result<bool> Move::publish(const Sender& sender, std::string id, std::string_view cause) {
  if (auto loaded = load_state(); !loaded) return loaded.error();
  const EnvelopeView caused{
      .id = cause, .correlation_id = out_.instance.correlation, .trace_parent = trace_parent_, .payload = {}};
  auto options = moment_.envelopes;
  options.cause = &caused;
  auto made = sender.make(state_.get(), options);
  if (!made) return made.error();
  if (!*made) return false;
  (*made)->id = std::move(id);
  out_.outgoing.push_back({sender.kind->topic, std::move(**made)});
  return true;
}

void Move::note(std::string_view what, std::string_view step, std::string text) {
  out_.has_changed = true;
  out_.notes.push_back({moment_.now, std::string(what), std::string(step), cause_id_, cause_type_, std::move(text)});
}

void Move::clear_timers(std::size_t step) {
  ++progress(step).token;
  progress(step).content.clear();
  std::erase_if(out_.set, [&](const Timer& timer) { return timer.step == plan_.steps[step].name; });
  out_.cleared.push_back(plan_.steps[step].name);
}

Result<bool> Move::send(std::size_t step, bool undo) {
  const auto& planned = plan_.steps[step];
  const auto& action = undo ? *planned.undo : planned.act;
  auto& now = progress(step);
  auto sent = publish(action.command, command_id(out_.instance, now, undo), now.cause);
  if (!sent || !*sent) return sent;
  if (action.retries > 0) {
    // Another step may have changed the state meanwhile, and what has one id is one thing.
    auto& payload = out_.outgoing.back().event.payload;
    if (now.attempts == 0)
      now.content = is_utf8(payload) ? payload : std::string();
    else if (!now.content.empty())
      payload = now.content;
  }
  ++now.attempts;
  ++now.token;
  if (action.within > Duration::zero() && (!undo || !action.done.empty()))
    out_.set.push_back({planned.name, TimerKind::within, now.token, after(action.within)});
  return true;
}

Result<> Move::begin_step(std::size_t step) {
  const auto& planned = plan_.steps[step];
  auto& now = progress(step);
  now.attempts = 0;
  now.cause = cause_id_;
  if (planned.when) {
    if (auto loaded = load_state(); !loaded) return loaded;
    if (!planned.when(state_.get())) {
      now.status = StepStatus::skipped;
      note("skipped", planned.name, "its condition does not hold");
      return {};
    }
  }
  const auto sent = send(step, false);
  if (!sent) return sent.error();
  now.status = *sent ? StepStatus::sent : StepStatus::skipped;
  note(*sent ? "sent" : "skipped", planned.name, *sent ? "" : "there is nothing to send");
  if (*sent && planned.reminder)
    out_.set.push_back({planned.name, TimerKind::remind, now.reminders, after(planned.reminder->every)});
  return {};
}

Result<> Move::begin_undo(std::size_t step) {
  const auto& planned = plan_.steps[step];
  auto& now = progress(step);
  clear_timers(step);
  now.attempts = 0;
  now.cause = cause_id_;
  const auto sent = send(step, true);
  if (!sent) return sent.error();
  const bool is_awaited = *sent && !planned.undo->done.empty();
  now.status = is_awaited ? StepStatus::undoing : StepStatus::undone;
  note(is_awaited ? "undoing" : "undone", planned.name, *sent ? "" : "there is nothing to send");
  return {};
}

Result<> Move::advance() {
  auto& now = out_.instance;
  while (is_in_stage()) {
    if (std::ranges::all_of(stage(), [&](std::size_t step) { return progress(step).status == StepStatus::waiting; }))
      for (const auto step : stage())
        if (auto begun = begin_step(step); !begun) return begun;
    if (!std::ranges::all_of(stage(), [&](std::size_t step) {
          return progress(step).status == StepStatus::done || progress(step).status == StepStatus::skipped;
        }))
      return {};
    ++now.stage;
  }
  return finish(Status::completed, plan_.completes);
}

/// By stages, the last one first; within a stage all at once.
Result<> Move::go_back() {
  auto& now = out_.instance;
  for (; now.stage >= 0; --now.stage) {
    for (const auto step : stage())
      if (took_effect(step) && plan_.steps[step].undo)
        if (auto begun = begin_undo(step); !begun) return begun;
    if (any_of_stage({StepStatus::undoing, StepStatus::undo_failed, StepStatus::undo_unknown})) return {};
  }
  return finish(Status::failed, plan_.fails);
}

Result<> Move::begin_compensation(std::string why) {
  auto& now = out_.instance;
  now.status = Status::compensating;
  now.backward = true;
  now.why = std::move(why);
  note("compensating", {}, now.why);
  for (const auto step : stage()) clear_timers(step);
  out_.cleared.emplace_back();
  return go_back();
}

Result<> Move::finish(Status status, const std::vector<Sender>& events) {
  auto& now = out_.instance;
  now.status = status;
  int number = 0;
  for (const auto& sender : events) {
    auto id = "saga/" + now.type + "/" + now.id + "/" + std::string(name_of(status));
    if (++number > 1) id += "/" + std::to_string(number);
    if (auto sent = publish(sender, std::move(id), cause_id_); !sent) return sent.error();
  }
  out_.clears_all = true;
  out_.set.clear();
  note(name_of(status), {}, status == Status::completed ? "" : now.why);
  return {};
}

void Move::stick(std::string_view step, std::string why) {
  out_.instance.status = Status::stuck;
  out_.instance.why = std::move(why);
  out_.is_alert = true;
  out_.stuck_at = step;
  note("stuck", {}, out_.instance.why);
}

Result<Transition> Move::end() && {
  if (!out_.has_changed) return std::move(out_);
  auto& now = out_.instance;
  if (state_) {
    now.state.clear();
    if (auto written = plan_.state.write(state_.get(), now.state); !written) return written.error();
    now.redacted = plan_.state.redacted();
  }
  ++now.revision;
  now.updated_at = moment_.now;
  return std::move(out_);
}

}  // namespace tidings::saga
