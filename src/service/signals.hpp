#pragma once

namespace tidings::service {

/// While one of these lives, SIGTERM and SIGINT write to its `fd` (an eventfd) instead of ending the process; a second
/// one ends it at once, with 128 + its number. Several may live at the same time: all are told. What the signals did
/// before comes back with the last of them.
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
