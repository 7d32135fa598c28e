#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tidings/saga/instance.hpp"
#include "tidings/saga/schema.hpp"

/// What sagas there are and how they stand, for who has a store and no definitions: tools, dashboards.
namespace tidings::saga {

struct ListFilter {
  std::string type;                  ///< of all, where empty
  std::optional<Status> status;      ///< of any, where there is none
  std::string after_type, after_id;  ///< where the page before this one ended
  std::size_t limit = 100;
};

/// By type and id. Errors: those of `Store::begin` and of statements. An instance whose row cannot be read is among
/// them, `unreadable`, unless a status was asked for that is not the row's.
Result<std::vector<Instance>> list(Store& store, const ListFilter& filter = {},
                                   const Tables& tables = default_tables());

/// The types that there are instances of, in their order, `most` at most. What it costs grows with them, and not with
/// the instances. Errors as `list`.
Result<std::vector<std::string>> types(Store& store, std::size_t most = 100, const Tables& tables = default_tables());

/// How many instances of a type have a status.
struct StatusCount {
  std::string type;
  Status status = Status::running;
  std::uint64_t count = 0;
};
/// Of each type and each status, those that have none too, and no more than `most` of each: what it costs has a bound.
/// Errors as `list`.
Result<std::vector<StatusCount>> count(Store& store, std::span<const std::string> types, std::size_t most = 10'000,
                                       const Tables& tables = default_tables(),
                                       Duration wait_max = std::chrono::seconds{10});

/// What an instance waits for, beside answers: a step's time-out, a reminder, its deadline, or what a person asked for.
struct Waiting {
  std::string step;  ///< empty: the whole
  std::string kind;  ///< `within`, `remind`, `deadline`; `resume`, `compensate`, `abandon`
  TimePoint due{};
  int attempts = 0;  ///< that failed
};
struct Shown {
  Instance instance;
  std::vector<Note> history;  ///< the oldest first
  std::vector<Waiting> waits;
};
/// None: there is no such saga. Errors as `list`, and `corrupt` (never).
Result<std::optional<Shown>> show(Store& store, std::string_view type, std::string_view id,
                                  const Tables& tables = default_tables());

/// Asks the coordinator of the saga, in whatever process, to do that; it does within a second or so, or says in its log
/// why not. What was asked for is in the store when it returns. Errors: `unknown_saga`, `saga_over` (never), and as
/// `show`.
Result<> request(Store& store, std::string_view type, std::string_view id, Steering steering,
                 const Tables& tables = default_tables());

/// Removes instances of any saga that have been over for so long, with their history, at most so many; how many there
/// were. One that is stuck is not over. Should the event with which one began come again after that, it begins anew.
/// Errors as `list`.
Result<std::uint64_t> clean_up(Store& store, Duration older_than, std::size_t most = 1'000,
                               const Tables& tables = default_tables(), Clock& clock = system_clock());

}  // namespace tidings::saga
