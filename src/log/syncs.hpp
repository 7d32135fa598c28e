#pragma once

#include <cstdint>
#include <vector>

#include "log/control.hpp"

namespace tidings::log {

/// A sync that is under way, told to all in `control` from before the call until its failure, if it fails, is told too.
/// The kernel tells a failed write only to descriptors that were open then: who opens the file later learns of it from
/// here, also where the process that was told died of SIGKILL first.
class SyncMark {
 public:
  /// Of the segment that begins so. Waits while all places are taken. Errors: `busy` (same call), `poisoned` (same
  /// call) where one of them is of a process that died in it.
  static Result<SyncMark> set(Control& control, const Slots& slots, std::uint64_t segment, SteadyTime until);
  SyncMark(SyncMark&& other) noexcept : place_(std::exchange(other.place_, nullptr)) {}
  SyncMark& operator=(SyncMark&&) = delete;
  ~SyncMark();

 private:
  explicit SyncMark(Control::Sync& place) : place_(&place) {}
  Control::Sync* place_;
};

/// One that was seen under way.
struct SeenSync {
  std::size_t place = 0;
  std::uint64_t word = 0;
  std::uint64_t ended = 0;
  std::uint64_t segment = 0;
  std::uint32_t faults = 0;
  SteadyTime since{};  ///< when it was first seen, by this process
};
[[nodiscard]] std::vector<SeenSync> syncs_under_way(const Control& control);
[[nodiscard]] bool is_under_way(const Control& control, const SeenSync& seen);
/// Whether it is of a file that was replaced when the faults came to `faults`, so that nobody cares how it ends.
[[nodiscard]] inline bool is_of_before(std::uint32_t of, std::uint32_t faults) {
  return static_cast<std::int32_t>(of - (faults & ~1U)) < 0;
}
/// Of the dead whether a sync of `segment` that succeeded, with a descriptor that is older than theirs, or those
/// before, have shown that nothing was lost; or the file was replaced.
[[nodiscard]] bool is_harmless(const Control& control, const SeenSync& dead, std::uint64_t segment);
/// Takes the mark of a dead process out.
void end_sync(Control& control, const SeenSync& seen);

}  // namespace tidings::log
