#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/durability.hpp"
#include "tidings/base/file_system.hpp"
#include "tidings/base/result.hpp"

namespace tidings::log {

/// A process that has something open, as far as /proc shows it: nothing of others' processes, unless to root.
struct ProcessInspection {
  std::int64_t pid = 0;
  std::string command;  ///< its short name
  friend bool operator==(const ProcessInspection&, const ProcessInspection&) = default;
};

/// A process that has the log open: it holds a slot while it lives.
struct SlotInspection {
  std::uint32_t slot = 0;
  std::optional<ProcessInspection> process;
};

/// Who holds a partition's writer lock. One that is dead has given it up as soon as somebody else wants to write.
struct WriterInspection {
  std::uint32_t slot = 0;
  std::uint64_t generation = 0;
  bool is_alive = false;
  std::optional<ProcessInspection> process;
};

enum class PartitionState {
  unused,      ///< nobody opened it yet
  current,     ///< `control` says how it is
  to_recover,  ///< of another boot or machine, or without a whole `control`: who opens it next recovers it
  recovering,  ///< somebody does just now
  newer,       ///< of a format that this program does not read
};
[[nodiscard]] std::string_view to_string(PartitionState state);

struct PartitionInspection {
  std::uint32_t number = 0;
  PartitionState state = PartitionState::unused;
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0;  ///< of their files, with the room for what comes
  std::uint64_t earliest = 0;
  /// One past the last event that is whole: as `control` says, or where that says nothing of now, as the last segments
  /// do.
  std::uint64_t committed = 0;
  std::uint64_t durable = 0;  ///< everything before it is synced; where `control` says nothing of now, 0
  std::uint64_t end = 0;      ///< one past the last event that readers see, or would
  std::uint32_t epoch = 0;
  bool is_poisoned = false;   ///< a sync failed, and what it may have lost is not written anew yet
  bool died_in_sync = false;  ///< and that was no failure: a process died in it
  bool is_dirty = false;      ///< a writer is at work, or died in it; without a `writer`: an append failed
  std::optional<WriterInspection> writer;
  std::uint32_t writers_waiting = 0;  ///< at most, for a writer that is alive: also those that were killed in it
  std::uint64_t openers = 0;          ///< handles, of all processes
  std::vector<ProcessInspection> processes;
  std::optional<Error> error;  ///< what could not be looked at; the rest may be
};

struct GroupPartitionInspection {
  std::uint32_t number = 0;
  bool has_position = false;   ///< else the group has not begun there
  std::uint64_t position = 0;  ///< everything before it is settled
  std::uint64_t lag = 0;       ///< events from there to the end that readers see
  /// Settled behind the position, while something before them is not. What else is in flight only the holder knows.
  std::uint64_t settled_beyond = 0;
  std::uint64_t handled = 0;
  std::uint64_t parked = 0;
  std::uint64_t expired = 0;
  std::uint64_t skipped = 0;
  std::uint64_t generation = 0;
  std::uint32_t epoch = 0;
  bool is_held = false;  ///< a live member works on it
  std::optional<ProcessInspection> holder;
};

struct GroupInspection {
  std::string name;
  std::uint64_t members = 0;
  std::vector<GroupPartitionInspection> partitions;
  std::optional<Error> error;
};

struct TopicInspection {
  std::string name;
  Durability durability = Durability::durable;
  std::uint64_t event_bytes_max = 0;
  std::vector<PartitionInspection> partitions;
  std::vector<GroupInspection> groups;
  std::optional<Error> error;
};

struct LogInspection {
  std::vector<SlotInspection> slots;
  std::vector<TopicInspection> topics;
};

/// How the log in `path` stands, seen from outside: nothing is opened for writing, mapped, made or locked, and nobody
/// is waited for. So also of one whose processes hang, and of one that nobody has open. What is read while others write
/// is of one moment only number by number.
///
/// Errors: `not_a_log` (never), and those of `Directory`. What is damaged is told where it stands, and hides nothing
/// else.
[[nodiscard]] Result<LogInspection> inspect_log(const std::string& path, FileSystem& files = system_files());

}  // namespace tidings::log
