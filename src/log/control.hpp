#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "log/slots.hpp"
#include "tidings/base/clock.hpp"

namespace tidings::log {

/// A partition's `control` file, mapped by every process. All of it is a hint: after a reboot, or where it is damaged,
/// it is made anew from the segments.
struct Control {
  static constexpr std::uint64_t magic_value = 0x304c544353444954;
  static constexpr std::uint64_t file_bytes = 4096;

  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t reserved;
  std::array<char, 40> boot_id;                   ///< of the boot in which the rest was written
  std::atomic<std::uint32_t> ready;               ///< 1: recovered in that boot
  std::atomic<std::uint32_t> faults;              ///< odd: a sync failed, and what it lost is not written anew yet
  alignas(64) std::atomic<std::uint64_t> writer;  ///< the lock word: who writes; 0: nobody
  std::atomic<std::uint32_t> writers_waiting;
  std::atomic<std::uint32_t> epoch;
  alignas(64) std::atomic<std::uint64_t> committed;  ///< one past the last event that is whole
  std::atomic<std::uint64_t> segment;                ///< first offset of the segment that is written
  std::atomic<std::uint64_t> position;               ///< in it, where the next frame goes
  std::atomic<std::uint64_t> dirty_end;              ///< a writer may have stored up to here; 0: none is at work
  std::atomic<std::int64_t> last_time;               ///< of the last frame
  std::atomic<std::uint64_t> zeroed;                 ///< bytes of the segment that were written, if only as zeros
  alignas(64) std::atomic<std::uint64_t> durable;    ///< one past the last event that is synced
  std::atomic<std::uint64_t> unsynced;               ///< first offset of the first segment that is not synced for sure
  std::atomic<std::uint64_t> earliest;               ///< events before it were removed, not lost
  std::atomic<std::uint64_t> slots;                  ///< the number of the `slots.lock` by which all of this is written
  /// Who is told by the kernel, now, whether it could write.
  struct Sync {
    std::atomic<std::uint64_t> word;   ///< of the process; 0: nobody
    std::atomic<std::uint64_t> ended;  ///< how many there were in this place
    // Of a place that was just taken those of the last one: its sync has not begun then.
    std::atomic<std::uint64_t> segment;  ///< which is synced, by first offset
    std::atomic<std::uint64_t> faults;   ///< even; who replaces the file that is synced raises the faults above it
  };
  alignas(64) Sync syncs[12];
};
static_assert(sizeof(Control) <= Control::file_bytes && std::atomic<std::uint64_t>::is_always_lock_free);

/// What was stored before is there for every process before what is stored behind, also where this one dies between.
inline void store_barrier() {
#if defined(__x86_64__)
  asm volatile("" ::: "memory");  // stores become visible in their order
#elif defined(__aarch64__)
  asm volatile("dmb ishst" ::: "memory");
#else
  __sync_synchronize();
#endif
}

/// The machine's boot id. Errors: `too_many_files` (same call), `io_error` (reopen) where the kernel tells none.
[[nodiscard]] Result<std::array<char, 40>> boot_id();

/// Holds the partition's writer lock: a word of the control file, taken by compare-and-swap, given up by its owner's
/// death.
class WriterLock {
 public:
  /// Errors: `busy` (same call) where its holder lives and keeps it, be it stopped. Threads of one process wait for one
  /// another as processes do.
  static Result<WriterLock> take(Control& control, const Slots& slots, Duration wait_max) {
    std::uint64_t nobody = 0;
    if (control.writer.compare_exchange_strong(nobody, slots.word(), std::memory_order_acquire)) [[likely]]
      return WriterLock(control, false);
    return wait(control, slots, wait_max);
  }
  WriterLock(WriterLock&& other) noexcept
      : control_(std::exchange(other.control_, nullptr)), inherited_(other.inherited_) {}
  WriterLock& operator=(WriterLock&&) = delete;
  ~WriterLock() {
    if (control_ == nullptr) return;
    control_->writer.store(0, std::memory_order_seq_cst);
    if (control_->writers_waiting.load(std::memory_order_seq_cst) != 0) [[unlikely]]
      wake_next();
  }

  /// The holder before died while it held the lock.
  [[nodiscard]] bool inherited() const { return inherited_; }

 private:
  static Result<WriterLock> wait(Control& control, const Slots& slots, Duration wait_max);
  void wake_next() const;

  WriterLock(Control& control, bool inherited) : control_(&control), inherited_(inherited) {}

  Control* control_;
  bool inherited_;
};

}  // namespace tidings::log
