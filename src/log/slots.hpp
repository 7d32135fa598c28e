#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "tidings/base/file_system.hpp"

namespace tidings::log {

/// Who is alive: a file of 1,024 bytes, of which each process that has the log open holds one by an open file
/// description lock. The kernel gives it back when the process ends, however it ends; no time-out, and no process or
/// thread number, takes part.
///
/// Behind the bytes stands a generation for each, raised by each taker: a slot and its generation name one process for
/// ever. Behind these the file's own number: somebody may remove it, for a lock that was left behind, while processes
/// run, and who comes then must not take them for dead.
class Slots {
 public:
  static constexpr std::uint32_t count = 1024;

  /// The process's slot in this log; handles of one process on the same `slots.lock` share it. Errors:
  /// `too_many_processes` (same call), and those of `File`.
  static Result<std::shared_ptr<Slots>> take(Directory& log);
  Slots(std::unique_ptr<File> file, Mapping mapping, std::uint32_t slot, std::uint64_t generation);
  ~Slots();
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  /// What names this process in a lock word: never 0.
  [[nodiscard]] std::uint64_t word() const { return word_of(slot_, generation_); }
  /// Which `slots.lock` this is, never 0: what another one says of a process is nothing here.
  [[nodiscard]] std::uint64_t id() const;
  /// Whether the process that this word names is gone. True only when the kernel says that nobody holds its slot, or
  /// somebody else took it.
  [[nodiscard]] Result<bool> is_dead(std::uint64_t word) const;

  /// Whether this process is a fork of the one that opened the log: it must not touch it. The lock stays with the
  /// parent.
  [[nodiscard]] bool is_forked() const;

  /// What hears of the ends of other processes that have the log open; see `Deaths`.
  [[nodiscard]] Result<std::unique_ptr<CloseWatch>> watch_closes() const { return file_->watch_closes(); }

 private:
  static std::uint64_t word_of(std::uint32_t slot, std::uint64_t generation) { return generation << 16 | (slot + 1); }
  std::atomic<std::uint64_t>& generation_at(std::uint32_t slot) const;

  std::unique_ptr<File> file_;
  Mapping mapping_;
  std::uint32_t slot_;
  std::uint64_t generation_;
  unsigned forks_;
};

}  // namespace tidings::log
