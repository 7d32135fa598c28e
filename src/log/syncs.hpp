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
  /// Waits while all places are taken. Error `busy` (same call).
  static Result<SyncMark> set(Control& control, const Slots& slots, SteadyTime until);
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
  friend bool operator==(const SeenSync&, const SeenSync&) = default;
};
[[nodiscard]] std::vector<SeenSync> syncs_under_way(const Control& control);
[[nodiscard]] bool is_under_way(const Control& control, const SeenSync& seen);
/// Takes the mark of a dead process out.
void end_sync(Control& control, const SeenSync& seen);

}  // namespace tidings::log
