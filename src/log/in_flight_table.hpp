#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace tidings::log {

/// Which events of one partition a group's handlers have begun and not settled, and how often: a page of the group's
/// file, mapped by each member, written by the one that holds the partition. It outlives a SIGKILL at any instruction,
/// since an entry is one word; after a power cut it may be anything.
///
/// All of it is a hint: an entry counts only where its check fits its offset, the log's epoch, and how often the group
/// was moved. Where there is no room an entry takes another's place, whose event then begins anew. Thread-safe; waits
/// for nobody.
class InFlightTable {
 public:
  static constexpr std::size_t slots = 512;
  static constexpr std::uint64_t file_bytes = slots * sizeof(std::uint64_t);
  static constexpr int attempts_max = 255;  ///< no more are counted

  explicit InFlightTable(std::byte* page) : slots_(reinterpret_cast<std::atomic<std::uint64_t>*>(page)) {}

  /// What an offset means: in which epoch of the log, and since which move of the group by hand. Never 0.
  [[nodiscard]] static std::uint64_t key_of(std::uint32_t partition, std::uint32_t epoch, std::uint32_t moves);

  /// The `attempt`-th at the event of this offset begins.
  void begin(std::uint64_t key, std::uint64_t offset, int attempt);
  /// It is settled.
  void end(std::uint64_t key, std::uint64_t offset);
  /// The attempts that were begun, of offsets in [from, to). Everything else is cleared: for who takes the partition.
  [[nodiscard]] std::unordered_map<std::uint64_t, int> take_over(std::uint64_t key, std::uint64_t from,
                                                                 std::uint64_t to);

 private:
  std::atomic<std::uint64_t>* slots_;
};

}  // namespace tidings::log
