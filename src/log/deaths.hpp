#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "log/slots.hpp"
#include "tidings/base/log_sink.hpp"
#include "tidings/base/time.hpp"

namespace tidings::log {

/// Tells the members of groups that a member in another process is gone, in milliseconds. One thread a process and log,
/// from the first of them to the last, that sleeps until the kernel says that somebody has closed `slots.lock`, which
/// each process has open for life. That is a hint, and comes a moment before the locks fall; what is so the locks say.
/// Thread-safe.
class Deaths {
 public:
  /// A member of a group. Called by the watcher's thread, which it must not keep waiting.
  class Listener {
   public:
    virtual ~Listener() = default;
    /// How many members the group has now; nullopt where that cannot be asked just now.
    virtual std::optional<std::uint32_t> count_members() = 0;
    /// Whether it has looked at the group since that has had so many.
    [[nodiscard]] virtual bool knows(std::uint32_t count) const = 0;
    /// Makes every member of the group look, in whatever process.
    virtual void tell_group() = 0;
    /// Told to one of them: why deaths are not heard of any more.
    virtual void warn(const std::string& why) = 0;
  };

  /// The process's own for this log. Where it cannot watch, whoever makes it says so to his `sink`; it is there all the
  /// same.
  static std::shared_ptr<Deaths> of(const std::shared_ptr<Slots>& slots, LogSink& sink);
  Deaths(std::shared_ptr<Slots> slots, LogSink& sink);
  /// Ends the thread. In a child of a fork it does nothing: the thread is its parent's.
  ~Deaths();
  Deaths(const Deaths&) = delete;
  Deaths& operator=(const Deaths&) = delete;

  /// Whether deaths are heard of; where not, members have to look for themselves, and often.
  [[nodiscard]] bool is_watching() const { return is_watching_.load(std::memory_order_relaxed); }

  /// A listener, which is called until this goes. `group` is the file of its group, of which one is asked for all.
  class Listening {
   public:
    Listening(std::shared_ptr<Deaths> deaths, FileId group, Listener& listener);
    /// Returns when the listener is not being called.
    ~Listening();
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;
    [[nodiscard]] bool is_watching() const { return deaths_->is_watching(); }

   private:
    const std::shared_ptr<Deaths> deaths_;
    std::multimap<FileId, Listener*>::iterator place_;
  };

 private:
  void work();
  void look();
  void give_up(const Error& error);

  const std::shared_ptr<Slots> slots_;
  std::unique_ptr<CloseWatch> watch_;
  std::atomic<bool> is_watching_ = false;
  std::atomic<bool> stops_ = false;
  std::mutex mutex_;
  std::multimap<FileId, Listener*> listeners_;
  std::unique_ptr<std::thread> thread_;
};

}  // namespace tidings::log
