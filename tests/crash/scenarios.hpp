#pragma once

#include "scenario.hpp"

namespace tidings::crash {

/// Short ones, in which each thing that a writer does happens once.
inline std::vector<Scenario> scenarios() {
  using Op = Scenario::Op;
  const Op one{Op::append, {100}}, batch{Op::append, {50, 700, 5}}, large{Op::append, {1'500}},
      larger_than_a_segment{Op::append, {6'000}}, sync{Op::sync}, remove{Op::remove_old}, reopen{Op::reopen};
  std::vector<Scenario> all;
  for (const bool durable : {true, false}) {
    const std::string kind = durable ? "Durable" : "Memory";
    const auto add = [&](const std::string& name, std::vector<Op> before, std::vector<Op> ops) -> Scenario& {
      return all.emplace_back(kind + name, durable, 4096, std::move(before), std::move(ops));
    };
    add("Single", {one}, {one, one, sync, one});
    add("Batch", {one, sync}, {batch, sync, batch});
    add("SmallBatch", {one, sync}, {{Op::append, {1, 30, 5}}, sync});  // its first event is as large as one of a check
    add("First", {}, {one, batch, sync});
    add("Creation", {}, {batch, sync, one}).from_nothing = true;
    add("Recovery", {one, sync, large, large, large}, {one, one, sync, large, large}).rebooted = true;
    add("Roll", {large, large}, {large, sync, large, large, sync, large});
    add("LargeRoll", {one}, {larger_than_a_segment, sync, larger_than_a_segment, one});
    add("Reopen", {one, large}, {reopen, one, sync, reopen, batch});
    add("Retention", {large, large, large, large, large, large, large, sync},
        {remove, large, large, large, sync, remove, one});
  }
  return all;
}

}  // namespace tidings::crash
