#pragma once

#include <utility>

namespace tidings {

/// Owns a file descriptor and closes it; negative: owns none. For one thread at a time.
class Fd {
 public:
  explicit Fd(int fd = -1) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  /// What it owned goes to the other one.
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { close(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  /// Leaves errno as it is: it is often that of the call that failed before.
  void close() noexcept;

 private:
  int fd_;
};

}  // namespace tidings
