#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "log/log_directory.hpp"
#include "memory_disk.hpp"

namespace tidings::crash {

/// What a process does with one partition, and how to tell afterwards whether anything went wrong.
struct Scenario {
  struct Op {
    enum What { append, sync, remove_old, reopen } what;
    std::vector<std::size_t> payloads{};  ///< of `append`: a batch
  };

  std::string name;
  bool durable = true;
  std::uint64_t segment_bytes = 4096;
  std::vector<Op> before;  ///< done already
  std::vector<Op> ops;
  bool from_nothing = false;  ///< there is no topic yet
  bool rebooted = false;      ///< between what was done before and the rest
  bool behind = false;        ///< what is sealed is synced behind the writer's back, at once

  [[nodiscard]] std::vector<std::size_t> payloads() const;
  /// The offsets at which a batch begins, or would.
  [[nodiscard]] std::vector<std::uint64_t> boundaries() const;
};
/// For GoogleTest.
void PrintTo(const Scenario& scenario, std::ostream* out);

/// What a process said before it died: it lies where others see it. Each number is raised after what it says is so.
struct Told {
  /// Written by the scenario's thread while another takes a picture.
  template <class T>
  class Number {
   public:
    Number() = default;
    Number(const Number& other) : value_(other) {}
    Number& operator=(const Number& other) { return *this = T{other}; }
    Number& operator=(T value) {
      value_.store(value, std::memory_order_relaxed);
      return *this;
    }
    operator T() const { return value_.load(std::memory_order_relaxed); }
    friend bool operator==(const Number& a, const Number& b) { return T{a} == T{b}; }

   private:
    std::atomic<T> value_ = 0;
  };
  Number<std::uint64_t> acknowledged;                      ///< one past the last event whose append returned
  Number<std::uint64_t> synced;                            ///< the same of `sync`
  Number<std::uint64_t> check_acknowledged, check_synced;  ///< the same, by a check
  Number<std::uint64_t> may_be_gone;                       ///< raised before retention begins
  Number<std::uint32_t> epoch;                             ///< the last that was seen
  Number<std::uint32_t> created;                           ///< 1: there is a topic
  friend bool operator==(const Told&, const Told&) = default;
};

/// One machine: its topic `t` of one partition, on a disk in memory.
class Machine {
 public:
  explicit Machine(const Scenario& scenario, std::uint64_t file_bytes_max = 64 << 10);

  /// Makes the topic, and does what was done `before`.
  Told prepare();
  Result<> create(Told& told);
  Result<std::unique_ptr<log::PartitionLog>> open();
  /// Does the scenario; what fails ends it.
  Result<> run(Told& told);

  /// As a machine that was started again: what is in `control` is of another boot.
  void reboot();
  struct Look {
    bool rebooted = false;
    bool twice = true;   ///< recovery is done once more, and must change nothing
    bool verify = true;  ///< and the files are verified
    bool brief = false;  ///< no more than the first append
  };
  /// Somebody opens the partition, and goes on with it: appends events `x`. Empty, or what is wrong. What it
  /// acknowledges itself is added to `told`.
  std::string check(Told& told, const Look& look);
  struct Seen {
    std::uint64_t planned_end = 0;  ///< behind it stand the events of checks
    std::uint64_t end = 0;
    std::uint32_t epoch = 0;       ///< of the last
    TimePoint time{};              ///< the same
    std::optional<Error> refused;  ///< reading ended with it
    std::string wrong;             ///< what no reader should see
  };
  /// All that readers see: what the scenario appended, then what checks did.
  Seen read_all(log::PartitionLog& log, const Told& told) const;
  /// Appends an event `x`.
  static Result<std::uint64_t> append_one(log::PartitionLog& log);

  /// What stands before it is visible to readers as synced, as far as the hints say.
  [[nodiscard]] std::uint64_t said_to_be_synced();
  /// What recovery kept aside.
  [[nodiscard]] std::vector<std::string> quarantined() const;
  /// Of each segment and name of the partition, but what is a hint, or has a name by time.
  [[nodiscard]] std::string segments() const;

  MemoryDisk disk;
  /// Called when something was told.
  std::function<void()> on_told;
  /// Stands between the log and the disk, where it is set.
  FileSystem* between = nullptr;
  ManualClock clock{TimePoint{std::chrono::seconds{1'000}}};

 private:
  Result<> perform(const std::vector<Scenario::Op>& ops, std::unique_ptr<log::PartitionLog>& log, Told& told);
  std::string judge(const Seen& seen, const Told& told, bool rebooted) const;
  std::string repair_again(log::PartitionLog& log);

  const Scenario& scenario_;
  void wait_for_background() const;

  std::unique_ptr<Directory> directory_;  // of the log
  std::shared_ptr<log::Background> background_;
  std::vector<std::size_t> payloads_;
  std::vector<std::uint64_t> boundaries_;
};

/// The offset-th event's payload.
[[nodiscard]] std::string payload_of(std::uint64_t offset, std::size_t size);

}  // namespace tidings::crash
