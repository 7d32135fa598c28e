#pragma once

#include <atomic>

#include "tidings/base/time.hpp"

namespace tidings::service {

/// The same signal within this of the first is the first: what wraps a process, as `timeout` does, sends it to the
/// process and to its group. Tests change it.
inline std::atomic<Duration> same_signal_within{std::chrono::milliseconds{250}};

/// While one of these lives, SIGTERM and SIGINT write to its `fd` (an eventfd) instead of ending the process; a second
/// one ends it at once, with 128 + its number, but for the same one within `same_signal_within`. Several may live at
/// the same time: all are told. What the signals did before comes back with the last of them.
///
/// A handler and not a signalfd: that would have to be blocked in every thread, also in those that stood before.
class Signals {
 public:
  explicit Signals(int fd);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  int slot_ = -1;
};

}  // namespace tidings::service
