#pragma once

#include <array>
#include <string>
#include <string_view>

#include "tidings/saga/define.hpp"

/// The events of the model: of each step A, B, C its command, its compensation and their answers.
namespace tidings::saga::model {

// Whole literals: g++ takes no pointer into a member for a constant where it sanitizes.
inline constexpr std::array<std::string_view, 24> wire_names{
    "t.A-0", "t.A-1", "t.A-2", "t.A-3", "t.A-4", "t.A-5", "t.B-0", "t.B-1", "t.B-2", "t.B-3", "t.B-4", "t.B-5",
    "t.C-0", "t.C-1", "t.C-2", "t.C-3", "t.C-4", "t.C-5", "t.s-0", "t.s-1", "t.s-2", "t.s-3", "t.s-4", "t.s-5"};

constexpr std::string_view wire_name(char step, int kind) {
  const auto row = step == 's' ? 3 : step - 'A';
  return wire_names.at(static_cast<std::size_t>(row * 6 + kind));
}

template <char Step, int Kind>
struct StepEvent {
  std::string id;
  static constexpr tidings::traits<StepEvent> event{.name = wire_name(Step, Kind), .topic = "t", .key = &StepEvent::id};
};
template <char Step>
using Do = StepEvent<Step, 0>;
template <char Step>
using Undo = StepEvent<Step, 1>;
template <char Step>
using Done = StepEvent<Step, 2>;
template <char Step>
using Failed = StepEvent<Step, 3>;
template <char Step>
using Undone = StepEvent<Step, 4>;
template <char Step>
using UndoFailed = StepEvent<Step, 5>;

using Placed = StepEvent<'s', 0>;
using Cancelled = StepEvent<'s', 1>;
using Completed = StepEvent<'s', 2>;
using GivenUp = StepEvent<'s', 3>;

struct State {
  std::string id;
  void begin(const Placed& event) { id = event.id; }
  template <class Event>
  [[nodiscard]] Event say() const {
    return {id};
  }
};

}  // namespace tidings::saga::model
