#include "saga/machine.hpp"

#include <algorithm>

#include "saga/move.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/enumerators.hpp"

namespace tidings::saga {

namespace {

template <class Enum>
std::string_view enumerator_of(Enum value) {
  for (const auto& one : enumerators<Enum>)
    if (one.value == value) return one.name;
  return {};
}

constexpr std::string_view by_hand = "by hand";

std::string status_told(const Instance& instance) {
  return "saga " + printable(instance.type) + " " + printable(instance.id) + " is " +
         std::string(name_of(instance.status));
}

/// The first of the plan's sources for that event.
template <class Visit>
bool any_source(const Plan& plan, Visit&& visit) {
  const auto any = [&](const std::vector<Source>& sources) { return std::ranges::any_of(sources, visit); };
  if (any(plan.starts) || any(plan.cancels)) return true;
  return std::ranges::any_of(plan.steps, [&](const StepPlan& step) {
    return any(step.act.done) || any(step.act.failed) ||
           (step.undo && (any(step.undo->done) || any(step.undo->failed)));
  });
}

}  // namespace

std::string_view name_of(Status status) {
  return enumerator_of(status);
}
std::string_view name_of(StepStatus status) {
  return enumerator_of(status);
}
std::string_view name_of(TimerKind kind) {
  return enumerator_of(kind);
}

std::string command_id(const Instance& instance, const StepProgress& step, bool undo) {
  auto id = "saga/" + instance.type + "/" + instance.id + "/" + step.name + (undo ? "/undo" : "/do");
  const auto round = undo ? step.undo_round : step.round;
  return round > 1 ? id + "/" + std::to_string(round) : id;
}

Result<std::optional<std::string>> correlate(const Plan& plan, const EnvelopeView& event) {
  const Source* source = nullptr;
  any_source(plan, [&](const Source& one) {
    if (one.kind->type == event.type) source = &one;
    return source != nullptr;
  });
  if (source == nullptr) return std::optional<std::string>{};
  std::string id(event.key);
  if (source->by) {
    auto found = source->by(event);
    if (!found) return found.error();
    id = std::move(*found);
  }
  if (id.empty())
    return Error{"no_correlation", "event " + printable(event.type) + " " + printable(event.id) +
                                       " names no saga: it has no key; publish it with one"};
  return std::optional(std::move(id));
}

bool is_start(const Plan& plan, const EnvelopeView& event) {
  return std::ranges::any_of(plan.starts, [&](const Source& source) { return source.kind->type == event.type; });
}

Result<Transition> begin(const Plan& plan, std::string id, const EnvelopeView& event, const Moment& moment) {
  Instance instance;
  instance.type = plan.name;
  instance.id = std::move(id);
  instance.definition = plan.version;
  Move move(plan, instance, moment);
  move.caused_by(event);
  if (auto done = move.begin(event); !done) return done.error();
  return std::move(move).end();
}

Result<Transition> take(const Plan& plan, const Instance& instance, const EnvelopeView& event, const Moment& moment) {
  Move move(plan, instance, moment);
  move.caused_by(event);
  if (auto done = move.take(event); !done) return done.error();
  return std::move(move).end();
}

Result<Transition> fire(const Plan& plan, const Instance& instance, const Timer& timer, const Moment& moment) {
  Move move(plan, instance, moment);
  if (auto done = move.fire(timer); !done) return done.error();
  return std::move(move).end();
}

Error saga_over(const Instance& instance) {
  return {"saga_over", status_told(instance) + ": nothing is left to steer"};
}

Result<Transition> steer(const Plan& plan, const Instance& instance, Steering steering, const Moment& moment) {
  if (steering == Steering::abandon) return abandon(instance, moment);
  if (is_over(instance.status)) return saga_over(instance);
  if (steering == Steering::resume && instance.status != Status::stuck)
    return Error{"not_stuck", status_told(instance) + ", and goes on by itself"};
  Move move(plan, instance, moment);
  move.caused_by(instance.started_by, by_hand);
  if (auto done = steering == Steering::resume ? move.resume() : move.compensate(); !done) return done.error();
  return std::move(move).end();
}

Result<Transition> abandon(const Instance& instance, const Moment& moment) {
  if (is_over(instance.status)) return saga_over(instance);
  Transition out;
  out.instance = instance;
  out.instance.status = Status::abandoned;
  out.instance.updated_at = moment.now;
  ++out.instance.revision;
  out.has_changed = true;
  out.clears_all = true;
  out.notes.push_back({moment.now, "abandoned", "", instance.started_by, std::string(by_hand), ""});
  return out;
}

}  // namespace tidings::saga
