#pragma once

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tidings/saga/clauses.hpp"
#include "tidings/saga/definition.hpp"

/// Workflows over services. A saga is a struct for its state, and a definition in words over its members; see
/// docs/sagas.md.
namespace tidings::saga {

namespace detail {

/// The state of the first clause that has one.
template <class... Clauses>
struct StateOf {
  using type = void;
};
template <class First, class... Rest>
struct StateOf<First, Rest...> {
  using Here = typename First::State;
  using There = typename StateOf<Rest...>::type;
  using type = std::conditional_t<std::is_void_v<Here>, There, Here>;
  static constexpr bool agree = std::is_void_v<Here> || std::is_void_v<There> || std::same_as<Here, There>;
  static_assert(agree, "tidings: the clauses of a saga name members of one state, and these are of two");
};

template <class S>
struct StepPart {
  using State = S;
  StepPlan step;
  void add_to(Plan& plan) && {
    plan.stages.push_back({plan.steps.size()});
    plan.steps.push_back(std::move(step));
  }
};
template <class S>
struct ParallelPart {
  using State = S;
  std::vector<StepPlan> steps;
  void add_to(Plan& plan) && {
    auto& stage = plan.stages.emplace_back();
    for (auto& step : steps) {
      stage.push_back(plan.steps.size());
      plan.steps.push_back(std::move(step));
    }
  }
};

template <class Clause>
void add_clause(StepPlan& step, Clause clause) {
  if constexpr (requires { std::move(clause).add_to(step); }) {
    std::move(clause).add_to(step);
  } else {
    constexpr bool fits = requires { std::move(clause).add_to(step.act); };
    static_assert(fits,
                  "tidings: a step takes saga::send, done, failed, undo, no_undo, within, retries, when and remind");
    if constexpr (fits) std::move(clause).add_to(step.act);
  }
}

template <class State, class Part>
void add_part(Plan& plan, Part part) {
  constexpr bool fits = requires { std::move(part).add_to(plan); };
  static_assert(
      fits,
      "tidings: a saga takes saga::starts, step, parallel, pivot, cancels, within, completes and fails; other "
      "clauses stand within a step");
  if constexpr (fits) {
    constexpr bool ours = std::is_void_v<typename Part::State> || std::same_as<typename Part::State, State>;
    static_assert(ours, "tidings: this clause names a member of another state than the saga's");
    std::move(part).add_to(plan);
  }
}

}  // namespace detail

/// One step: its name, which stays with instances in the store, and its clauses.
template <class... Clauses>
auto step(std::string name, Clauses... clauses) {
  detail::StepPart<typename detail::StateOf<Clauses...>::type> made;
  made.step.name = std::move(name);
  (detail::add_clause(made.step, std::move(clauses)), ...);
  return made;
}

/// Steps that begin at once; what stands behind them waits for all.
template <class... S>
auto parallel(detail::StepPart<S>... steps) {
  detail::ParallelPart<typename detail::StateOf<detail::StepPart<S>...>::type> made;
  (made.steps.push_back(std::move(steps.step)), ...);
  return made;
}

struct DefinitionOptions {
  /// Instances stay with that which they began with: whoever changes steps counts up, and lets the older one run beside
  /// it.
  int version = 1;
};

/// A saga over `State`, a plain struct that can be written as JSON. Steps run in the order in which they stand.
/// What is wrong with it as a whole `Definition::check` says, which `Service::run` and `Coordinator::make` ask.
template <class State, class... Parts>
Definition define(std::string name, DefinitionOptions options, Parts... parts) {
  Plan plan;
  plan.name = std::move(name);
  plan.version = options.version;
  plan.state = detail::state_type<State>();
  (detail::add_part<State>(plan, std::move(parts)), ...);
  return Definition(std::move(plan));
}

}  // namespace tidings::saga
