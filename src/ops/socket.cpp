#include "ops/socket.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "tidings/base/steady.hpp"
#include "tidings/base/text.hpp"

namespace tidings::ops {

namespace {

Error listen_error(std::string_view address, int error) {
  const auto where = printable(address);
  switch (error) {
    case EADDRINUSE:
      return {"address_in_use",
              where + " is taken by another program; give another port, or port 0 for any that is free",
              Retry::same_call};
    case EACCES:
      return {"permission_denied", where + ": this user may not listen there; take a port above 1023"};
    case EADDRNOTAVAIL:
      return {"address_unavailable", where + " is no address of this machine", Retry::same_call};
    default:
      return {"address_unavailable", where + ": " + std::strerror(error), Retry::same_call};
  }
}

std::string text_of(const sockaddr_storage& address, std::uint16_t& port) {
  char host[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
    port = ntohs(six.sin6_port);
    ::inet_ntop(AF_INET6, &six.sin6_addr, host, sizeof host);
    return "[" + std::string(host) + "]:" + std::to_string(port);
  }
  const auto& four = reinterpret_cast<const sockaddr_in&>(address);
  port = ntohs(four.sin_port);
  ::inet_ntop(AF_INET, &four.sin_addr, host, sizeof host);
  return std::string(host) + ":" + std::to_string(port);
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view address) {
  const auto wrong = [&] {
    return Error{"invalid_address",
                 "'" + printable(address) + "' is no HOST:PORT, as 127.0.0.1:9464, [::1]:9464 or 0.0.0.0:9464"};
  };
  const auto colon = address.rfind(':');
  if (colon == address.npos) return wrong();
  auto host = address.substr(0, colon);
  const auto port = address.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (problem != std::errc{} || end != port.data() + port.size() || host.empty()) return wrong();
  if (host.starts_with('[')) {
    if (!host.ends_with(']') || host.size() < 3) return wrong();
    host = host.substr(1, host.size() - 2);
  } else if (host.contains(':')) {
    return wrong();
  }
  return HostPort{std::string(host), std::string(port)};
}

Result<Listening> listen_at(std::string_view address) {
  const auto place = parse_host_port(address);
  if (!place) return place.error();
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int problem = ::getaddrinfo(place->host.c_str(), place->port.c_str(), &hints, &found); problem != 0)
    return Error{"invalid_address", "'" + printable(address) + "': " + ::gai_strerror(problem)};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> freed(found, &::freeaddrinfo);
  int error = EADDRNOTAVAIL;
  for (const auto* one = found; one != nullptr; one = one->ai_next) {
    Fd fd(::socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int yes = 1;
    sockaddr_storage got{};
    socklen_t size = sizeof got;
    if (fd.get() < 0 || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        ::bind(fd.get(), one->ai_addr, one->ai_addrlen) != 0 || ::listen(fd.get(), 512) != 0 ||
        ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&got), &size) != 0) {
      error = errno;
      continue;
    }
    Listening listening{.fd = std::move(fd), .address = {}};
    listening.address = text_of(got, listening.port);
    return listening;
  }
  return listen_error(address, error);
}

bool wait_for(int fd, short events, SteadyTime until, int cancel) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_now()).count();
    if (left <= 0) return false;
    std::array<pollfd, 2> both{pollfd{.fd = fd, .events = events, .revents = 0},
                               pollfd{.fd = cancel, .events = POLLIN, .revents = 0}};
    const int ready = ::poll(both.data(), both.size(), static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    if (both[1].revents != 0) return false;
    if (both[0].revents != 0) return true;
  }
}

}  // namespace tidings::ops
