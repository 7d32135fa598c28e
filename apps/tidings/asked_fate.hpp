#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "causes.hpp"
#include "dashboard/fate.hpp"
#include "tidings/service/attempts.hpp"

namespace tidings::cli {

/// Whether processes know more of it than what groups keep: of what has passed whether it was taken, of what is to come
/// whether it runs or is tried again.
[[nodiscard]] bool is_worth_asking(const Fate& fate);

/// What the group's processes answer makes of its fate. Words of `blocker` beside those of `fate_of`: `running` (an
/// attempt at it, or at the one in front, is under way), `retrying` (it has failed, and is tried again), `broken` (the
/// circuit breaker is open), `silent` (who holds the partition does not answer). `position`: of the group, in its
/// partition.
void tell_by_answers(Fate& fate, const std::vector<AttemptsAnswer>& answers, const Seen& event, std::uint64_t position);

/// Of the event at `offset`, as who holds the partition tells; null where nobody does.
[[nodiscard]] const AttemptsOfEvent* told_of(const std::vector<AttemptsAnswer>& answers, std::uint64_t offset);

}  // namespace tidings::cli
