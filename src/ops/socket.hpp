#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tidings/base/fd.hpp"
#include "tidings/base/result.hpp"
#include "tidings/base/time.hpp"

namespace tidings::ops {

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
/// A socket that listens and does not block. A host that is a name is looked up first, which may take seconds. Errors
/// as `HttpServer::start`.
[[nodiscard]] Result<Listening> listen_at(std::string_view address);

/// Whether the descriptor is ready for `events` of poll() before `until` is over; false too where `cancel`, a
/// descriptor or -1, can be read.
[[nodiscard]] bool wait_for(int fd, short events, SteadyTime until, int cancel);

}  // namespace tidings::ops
