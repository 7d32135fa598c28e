#pragma once

#include <array>
#include <string>
#include <string_view>

#include "tidings/saga/define.hpp"

/// The events of the model: of each step A, B, C its command, its compensation and their answers.
namespace tidings::saga::model {

template <char Step, int Kind>
struct StepEvent {
  static constexpr std::array<char, 6> wire{'t', '.', Step, '-', static_cast<char>('0' + Kind), '\0'};
  std::string id;
  static constexpr tidings::traits<StepEvent> event{
      .name = std::string_view(wire.data(), 5), .topic = "t", .key = &StepEvent::id};
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
