#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/in_flight_table.hpp"
#include "log/slots.hpp"
#include "tidings/base/file_system.hpp"

namespace tidings::log {

/// What a group's record says of one partition: one of two slots, written in turn, so that one is always whole.
struct GroupRecord {
  std::uint64_t sequence = 0;    ///< of the writing; the slot with the higher one counts. 0: never written
  std::uint64_t generation = 0;  ///< raised by each member that takes the partition
  std::uint64_t position = 0;
  std::uint64_t handled = 0;
  std::uint64_t parked = 0;
  std::uint64_t expired = 0;
  std::uint64_t skipped = 0;
  std::uint32_t settled_beyond = 0;  ///< events settled behind the position; they come again if the holder dies
  std::uint32_t epoch = 0;           ///< of the partition when this was written: in which the position has its meaning
  std::uint32_t moves = 0;           ///< by hand: attempts that were begun before count no more
  std::uint32_t reserved[14] = {};
  std::uint32_t checksum = 0;
};
static_assert(sizeof(GroupRecord) == 128);

/// A group's file, `<topic>/groups/<group>`: its records, and by open file description locks on bytes behind them who
/// is a member and who holds which partition. The kernel gives a dead member's locks back at once. Each member opens
/// the file for itself. Not thread-safe.
class GroupFile {
 public:
  static constexpr std::uint32_t members_max = 1024;

  /// Opens the file, or creates it for `maker`, where there is one. Errors: `corrupt` (never), `newer_version` (never),
  /// `group_gone` (same call) where it is deleted just now, and those of `File`.
  static Result<GroupFile> open(Directory& groups, const std::string& group, std::uint32_t partitions,
                                const Slots* maker = nullptr);

  /// As `open` with `maker`, for who moves the group: also one whose header or size is damaged.
  static Result<GroupFile> open_to_move(Directory& groups, const std::string& group, std::uint32_t partitions,
                                        const Slots& maker);
  /// Where header or size are damaged, gives the file its size: where a record was cut off there is none. For who holds
  /// all partitions, while there is no member. The file stays damaged until `end_mending`, when all records are
  /// written: without one a group would begin anew, and might pass over events.
  Result<> begin_mending();
  Result<> end_mending();

  /// Only to read it: for who must change nothing.
  static Result<GroupFile> open_to_read(Directory& groups, const std::string& group, std::uint32_t partitions);

  /// The newest whole record; nullopt where none was ever written whole. Error `corrupt` where both slots are damaged.
  Result<std::optional<GroupRecord>> read(std::uint32_t partition) const;
  /// Writes `record` over the older slot. Only for the holder of the partition. Survives SIGKILL; a power cut may bring
  /// an older record back.
  Result<> write(std::uint32_t partition, GroupRecord record);
  Result<> sync() { return file_->sync_data(); }
  /// To be synced beside what else goes on here; none after `leave`.
  [[nodiscard]] std::shared_ptr<File> shared_file() const { return file_; }
  [[nodiscard]] Result<FileId> id() const { return file_->id(); }

  /// Whether it is still the group's file: else the group was deleted since, and what is written here is lost.
  [[nodiscard]] Result<bool> is_named() const { return file_->is_named(); }

  /// Becomes a member. Errors: `too_many_members` (same call), `group_gone` (same call) where `is_named` is not so.
  Result<> join();
  /// Gives up membership and partitions, and closes the file: nothing else may be called then. The tables of
  /// `in_flight` stay until this goes: a handler that still runs may store there.
  Result<> leave();
  struct Membership {
    std::uint32_t rank = 0;   ///< among the members, by their bytes
    std::uint32_t count = 0;  ///< this one included
  };
  /// Thread-safe, as long as this is there.
  Result<Membership> membership() const;
  Result<bool> has_members() const;

  /// Which events of the partition handlers have begun. Only for a member.
  [[nodiscard]] InFlightTable in_flight(std::uint32_t partition) const;

  Result<bool> try_hold(std::uint32_t partition);
  Result<> release(std::uint32_t partition);
  [[nodiscard]] Result<bool> is_held_by_other(std::uint32_t partition) const;

 private:
  static Result<std::unique_ptr<File>> open_file(Directory& groups, const std::string& group, std::uint32_t partitions,
                                                 const Slots* maker);
  static Result<GroupFile> checked(std::unique_ptr<File> file, std::uint32_t partitions);
  GroupFile(std::unique_ptr<File> file, std::uint32_t partitions) : file_(std::move(file)), slots_(partitions, 0) {}

  std::shared_ptr<File> file_;
  Mapping mapping_;  // of a member
  std::uint32_t member_ = 0;
  bool is_mending_ = false;
  mutable std::vector<int> slots_;  // where the newest record of each partition stands
};

}  // namespace tidings::log
