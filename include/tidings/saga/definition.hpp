#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tidings/saga/plan.hpp"

namespace tidings::saga {

/// A saga as `define` describes it. Immutable, and cheap to copy.
class Definition {
 public:
  explicit Definition(Plan plan) : plan_(std::make_shared<const Plan>(std::move(plan))) {}

  [[nodiscard]] const std::string& name() const { return plan_->name; }
  [[nodiscard]] int version() const { return plan_->version; }
  [[nodiscard]] const Plan& plan() const { return *plan_; }

  /// Every event type that it waits for, once each.
  [[nodiscard]] std::vector<const EventKind*> kinds() const;

  /// Whether it can be run. Error `invalid_saga` (never), which names saga and step: nothing starts it; a step that
  /// nothing can complete; a step before the pivot without a compensation that does not say that none is needed; a name
  /// that is used twice, or is empty; two steps of one stage that wait for the same event; two pivots; retries without
  /// a time-out; an event that has no key and is not correlated otherwise.
  [[nodiscard]] Result<> check() const;

 private:
  std::shared_ptr<const Plan> plan_;
};

}  // namespace tidings::saga
