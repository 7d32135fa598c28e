#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "tidings/base/result.hpp"

namespace tidings::ops {

/// Owns a descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

struct HostPort {
  std::string host;  ///< without the brackets of IPv6
  std::string port;
};
/// Error `invalid_address`.
[[nodiscard]] Result<HostPort> parse_host_port(std::string_view address);

struct Listening {
  Fd fd;
  std::string address;  ///< where it is, with the port that it got
  std::uint16_t port = 0;
};
/// Does not block. Errors as `HttpServer::start`.
[[nodiscard]] Result<Listening> listen_at(std::string_view address);

}  // namespace tidings::ops
