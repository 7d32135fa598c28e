#pragma once

#include <array>
#include <optional>

#include "log/control.hpp"

namespace tidings::log {

/// What a partition's `control` says and who has the partition open, seen from outside: nothing is mapped, nothing
/// locked.
struct ControlView {
  enum class State {
    missing,
    damaged,    ///< too short, or no control file: whoever opens the partition next makes it anew
    newer,      ///< of a later version
    of_before,  ///< of another boot, or left in the middle of a recovery: says nothing of now
    current,    ///< what it says is what the processes go by
  };
  State state = State::missing;
  std::uint32_t version = 0;
  std::uint64_t writer = 0;
  std::uint32_t writers_waiting = 0;
  std::uint32_t epoch = 0;
  std::uint64_t committed = 0;
  std::uint64_t segment = 0;
  std::uint64_t position = 0;
  std::uint64_t dirty_end = 0;
  std::int64_t last_time = 0;
  std::uint64_t durable = 0;
  std::uint64_t earliest = 0;  ///< what is before it was removed
  bool poisoned = false;

  /// Open handles on the partition, of all processes; of a recovery that is going on 1.
  std::uint64_t openers = 0;
  bool is_recovering = false;

  [[nodiscard]] bool is_current() const { return state == State::current; }
  friend bool operator==(const ControlView&, const ControlView&) = default;
};

/// `boot`: nullopt where the machine does not tell; then it is current only if somebody has the partition open.
/// Errors: those of `Directory` and `File`, except that the files are missing.
[[nodiscard]] Result<ControlView> look_at_control(Directory& topic, Directory& partition, std::uint32_t number,
                                                  const std::optional<std::array<char, 40>>& boot);

/// How many bytes of `range` are locked by others, and the lock with the most of them.
struct LockedBytes {
  std::uint64_t count = 0;
  std::uint64_t longest = 0;
};
[[nodiscard]] Result<LockedBytes> count_locked(File& file, File::Range range);

}  // namespace tidings::log
