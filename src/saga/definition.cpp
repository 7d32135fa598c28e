#include "tidings/saga/definition.hpp"

#include <algorithm>
#include <map>

#include "tidings/base/text.hpp"

namespace tidings::saga {

namespace {

Error wrong(const Plan& plan, const std::string& what) {
  return {"invalid_saga", "saga '" + printable(plan.name) + "'" + what};
}

Error wrong(const Plan& plan, const StepPlan& step, const std::string& what) {
  return wrong(plan, ", step '" + printable(step.name) + "': " + what);
}

template <class Visit>
void visit(const std::vector<Source>& sources, Visit&& each) {
  for (const auto& source : sources) each(source);
}
template <class Visit>
void visit(const Action& action, Visit&& each) {
  visit(action.done, each);
  visit(action.failed, each);
}
template <class Visit>
void visit(const StepPlan& step, Visit&& each) {
  visit(step.act, each);
  if (step.undo) visit(*step.undo, each);
}
template <class Visit>
void visit(const Plan& plan, Visit&& each) {
  visit(plan.starts, each);
  visit(plan.cancels, each);
  for (const auto& step : plan.steps) visit(step, each);
}

Result<> check_action(const Plan& plan, const StepPlan& step, const Action& action, const std::string& what) {
  if (action.retries < 0) return wrong(plan, step, what + "retries cannot be fewer than none");
  if (action.within < Duration::zero()) return wrong(plan, step, what + "a time-out cannot be negative");
  if (action.retries > 0 && action.within == Duration::zero())
    return wrong(plan, step, what + "retries need a time-out after which to try again; say saga::within");
  std::vector<std::string_view> known;
  std::string_view twice;
  visit(action, [&](const Source& source) {
    if (std::ranges::find(known, source.kind->type) != known.end()) twice = source.kind->type;
    known.push_back(source.kind->type);
  });
  if (!twice.empty()) return wrong(plan, step, what + std::string(twice) + " answers it twice");
  return {};
}

Result<> check_step(const Plan& plan, const StepPlan& step, bool is_before_pivot) {
  if (step.name.empty()) return wrong(plan, ": a step has no name; instances in the store are known by it");
  if (!is_utf8(step.name) || printable(step.name) != step.name || step.name.find('/') != std::string::npos ||
      step.name.size() > 200)
    return wrong(plan, step, "a step's name is 1 to 200 bytes of text, without control characters and /");
  if (step.clauses_twice > 0) return wrong(plan, step, "a clause that may stand once stands twice");
  if (!step.act.command.make) return wrong(plan, step, "it sends nothing; say saga::send");
  if (step.act.done.empty()) return wrong(plan, step, "nothing can complete it; say saga::done");
  if (auto fine = check_action(plan, step, step.act, ""); !fine) return fine;
  if (step.undo && step.needs_no_undo) return wrong(plan, step, "it has a compensation, and says that none is needed");
  if (is_before_pivot && !step.undo && !step.needs_no_undo)
    return wrong(plan, step,
                 "it stands before the pivot and has no compensation; say saga::undo, or saga::no_undo() where "
                 "none is needed");
  if (step.undo) {
    if (auto fine = check_action(plan, step, *step.undo, "its compensation: "); !fine) return fine;
    if (step.undo->done.empty() && (!step.undo->failed.empty() || step.undo->within > Duration::zero()))
      return wrong(plan, step, "its compensation waits for an answer that nothing gives; say saga::done in its undo");
  }
  if (step.reminder && step.reminder->every <= Duration::zero())
    return wrong(plan, step, "the time between reminders must be above nothing");
  return {};
}

/// One event must mean one thing wherever the saga may stand.
Result<> check_stage(const Plan& plan, const std::vector<std::size_t>& stage) {
  if (stage.empty()) return wrong(plan, ": saga::parallel has no steps");
  for (const bool undo : {false, true}) {
    std::map<std::string_view, const StepPlan*> known;
    for (const auto at : stage) {
      const auto& step = plan.steps[at];
      const StepPlan* other = nullptr;
      std::string_view type;
      const auto look = [&](const Source& source) {
        const auto [there, is_new] = known.emplace(source.kind->type, &step);
        if (is_new || there->second == &step) return;
        other = there->second;
        type = source.kind->type;
      };
      if (!undo)
        visit(step.act, look);
      else if (step.undo)
        visit(*step.undo, look);
      if (other != nullptr)
        return wrong(plan, step,
                     "it waits for " + std::string(type) + " at the same time as step '" + other->name +
                         "'; answer each with an event of its own");
    }
  }
  return {};
}

Result<> check_correlation(const Plan& plan) {
  std::map<std::string_view, bool> known;
  std::string why;
  visit(plan, [&](const Source& source) {
    const auto type = std::string(source.kind->type);
    const bool is_by = static_cast<bool>(source.by);
    if (!is_by && !source.has_key)
      why = ": event " + type + " has no key, so that nothing says which saga it is for; say saga::by(&Event::member)";
    if (const auto [at, is_new] = known.emplace(source.kind->type, is_by); !is_new && at->second != is_by)
      why = ": event " + type + " is correlated by its key in one place and otherwise in another; say the same in both";
  });
  return why.empty() ? Result<>{} : wrong(plan, why);
}

/// Each event has one say: with two the first alone would be heard.
Result<> check_starts_and_cancels(const Plan& plan) {
  const auto is_twice = [](const std::vector<Source>& sources, std::size_t at) {
    return std::ranges::any_of(sources.begin(), sources.begin() + static_cast<std::ptrdiff_t>(at),
                               [&](const Source& one) { return one.kind->type == sources[at].kind->type; });
  };
  for (std::size_t at = 0; at < plan.starts.size(); ++at)
    if (is_twice(plan.starts, at))
      return wrong(plan, ": " + std::string(plan.starts[at].kind->type) + " starts it twice");
  for (std::size_t at = 0; at < plan.cancels.size(); ++at) {
    const auto& type = plan.cancels[at].kind->type;
    if (is_twice(plan.cancels, at)) return wrong(plan, ": " + std::string(type) + " cancels it twice");
    if (std::ranges::any_of(plan.starts, [&](const Source& one) { return one.kind->type == type; }))
      return wrong(plan, ": " + std::string(type) + " starts it, and cancels it");
  }
  return {};
}

Result<> check_cancels(const Plan& plan) {
  if (auto fine = check_starts_and_cancels(plan); !fine) return fine;
  for (const auto& cancel : plan.cancels) {
    std::string step_name;
    for (const auto& step : plan.steps)
      visit(step, [&](const Source& source) {
        if (source.kind->type == cancel.kind->type) step_name = step.name;
      });
    if (!step_name.empty())
      return wrong(plan, ": " + std::string(cancel.kind->type) + " cancels it, and answers step '" + step_name + "'");
  }
  return {};
}

}  // namespace

std::vector<const EventKind*> Definition::kinds() const {
  std::vector<const EventKind*> all;
  visit(*plan_, [&](const Source& source) {
    if (std::ranges::find(all, source.kind) == all.end()) all.push_back(source.kind);
  });
  return all;
}

Result<> Definition::check() const {
  const auto& plan = *plan_;
  if (auto fine = validate_name("saga", plan.name); !fine) return wrong(plan, ": " + fine.error().message);
  if (plan.name.find('.') != std::string::npos)
    return wrong(plan, ": its name must have no dot; settings are nested by them");
  if (plan.version < 1) return wrong(plan, ": its version is 1 at least");
  if (plan.starts.empty()) return wrong(plan, ": nothing starts it; say saga::starts");
  if (plan.steps.empty()) return wrong(plan, ": it has no steps");
  if (plan.pivots.size() > 1) return wrong(plan, ": it has two pivots, and can turn back before one alone");
  if (plan.within < Duration::zero()) return wrong(plan, ": its deadline cannot be negative");
  std::map<std::string_view, int> names;
  for (std::size_t at = 0; at < plan.stages.size(); ++at)
    for (const auto step : plan.stages[at])
      if (auto fine = check_step(plan, plan.steps[step], plan.is_before_pivot(at)); !fine) return fine;
  for (const auto& step : plan.steps)
    if (++names[step.name] > 1) return wrong(plan, step, "two steps have this name");
  for (const auto& stage : plan.stages)
    if (auto fine = check_stage(plan, stage); !fine) return fine;
  if (auto fine = check_cancels(plan); !fine) return fine;
  return check_correlation(plan);
}

}  // namespace tidings::saga
