#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include "tidings/base/fd.hpp"
#include "tidings/base/result.hpp"

namespace tidings {

/// An `Fd`, and never one of the three standard ones: a program that was started without them must not write its
/// messages into a file of ours.
class Descriptor {
 public:
  /// What a call as open() gave; where that is -1, or could not be moved, `get()` is negative, and errno stays as it
  /// is.
  explicit Descriptor(int fd);
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();

  [[nodiscard]] int get() const { return fd_.get(); }

  /// From now on a child of a fork has it closed from its beginning: its copy would keep locks of this process alive.
  void keep_from_children();
  [[nodiscard]] bool is_kept_from_children() const { return is_kept_; }

 private:
  friend struct KeptFromChildren;

  Fd fd_;
  std::atomic<bool> is_kept_ = false;
};

/// What a system call that failed with `error` means, and what to do.
[[nodiscard]] Error system_error(std::string_view what, const std::string& path, int error);

}  // namespace tidings
