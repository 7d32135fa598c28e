#include "ops/http_client.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "ops/socket.hpp"
#include "tidings/base/text.hpp"

namespace tidings::ops {

namespace {

constexpr std::size_t reply_bytes_max = std::size_t{1} << 24;

/// Whether the socket is ready before it is too late.
bool wait_for(int fd, short events, SteadyTime until, int cancel) {
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - SteadyTime{std::chrono::steady_clock::now()}).count();
    if (left <= 0) return false;
    std::array<pollfd, 2> both{pollfd{.fd = fd, .events = events, .revents = 0},
                               pollfd{.fd = cancel, .events = POLLIN, .revents = 0}};
    const int ready = ::poll(both.data(), both.size(), static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready < 0 && errno != EINTR) return false;
    if (both[1].revents != 0) return false;
    if (ready > 0 && both[0].revents != 0) return true;
  }
}

Result<Fd> connect_to(const HttpUrl& url, SteadyTime until, int cancel) {
  const auto failed = [&](std::string_view why) {
    return Error{"unreachable", printable(url.host) + ":" + url.port + ": " + std::string(why), Retry::same_call};
  };
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int problem = ::getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found); problem != 0)
    return failed(::gai_strerror(problem));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> freed(found, &::freeaddrinfo);
  int error = ETIMEDOUT;
  for (const auto* one = found; one != nullptr; one = one->ai_next) {
    Fd fd(::socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd.get() < 0) {
      error = errno;
      continue;
    }
    if (::connect(fd.get(), one->ai_addr, one->ai_addrlen) == 0) return fd;
    error = errno;
    if (error != EINPROGRESS) continue;
    error = ETIMEDOUT;
    if (!wait_for(fd.get(), POLLOUT, until, cancel)) continue;
    socklen_t size = sizeof error;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0) return fd;
  }
  return failed(std::strerror(error));
}

std::size_t length_in(std::string_view headers, bool& is_there) {
  is_there = false;
  for (std::size_t at = 0; (at = headers.find("\r\n", at)) != headers.npos;) {
    at += 2;
    constexpr std::string_view name = "content-length:";
    if (headers.size() - at < name.size() || ::strncasecmp(headers.data() + at, name.data(), name.size()) != 0)
      continue;
    auto value = headers.substr(at + name.size());
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    std::size_t length = 0;
    is_there = std::from_chars(value.data(), value.data() + value.size(), length).ec == std::errc{};
    return length;
  }
  return 0;
}

}  // namespace

Result<HttpUrl> parse_http_url(std::string_view url) {
  constexpr std::string_view scheme = "http://";
  if (url.starts_with("https://"))
    return Error{"unsupported", "'" + printable(url) +
                                    "': no TLS is spoken here; give the http:// address of an OpenTelemetry Collector "
                                    "on this machine or in this network, which passes it on"};
  const auto wrong = Error{"invalid_url", "'" + printable(url) + "' is no http://HOST:PORT[/PATH]"};
  if (!url.starts_with(scheme)) return wrong;
  url.remove_prefix(scheme.size());
  HttpUrl parsed;
  const auto slash = url.find('/');
  if (slash != url.npos) parsed.path = url.substr(slash);
  auto server = std::string(url.substr(0, slash));
  if (server.contains('@') || url.find_first_of(" \r\n\t") != url.npos) return wrong;
  const auto bracket = server.rfind(']');
  if (server.find(':', bracket == server.npos ? 0 : bracket) == server.npos) server += ":80";
  auto place = parse_host_port(server);
  if (!place) return wrong;
  parsed.host = std::move(place->host);
  parsed.port = std::move(place->port);
  return parsed;
}

Result<HttpReply> http_call(const HttpUrl& url, std::string_view method,
                            const std::vector<std::pair<std::string, std::string>>& headers, std::string_view body,
                            SteadyTime until, int cancel) {
  const auto late =
      Error{"unreachable", printable(url.host) + ":" + url.port + " did not answer in time", Retry::same_call};
  auto fd = connect_to(url, until, cancel);
  if (!fd) return fd.error();
  const auto host = url.host.contains(':') ? "[" + url.host + "]" : url.host;
  std::string out;
  out.append(method).append(" ").append(url.path).append(" HTTP/1.1\r\nHost: ").append(host);
  out.append(":").append(url.port).append("\r\nConnection: close\r\n");
  for (const auto& [name, value] : headers) out.append(name).append(": ").append(value).append("\r\n");
  if (!body.empty()) out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  out.append("\r\n").append(body);
  for (std::size_t sent = 0; sent < out.size();) {
    const auto put = ::send(fd->get(), out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
    if (put > 0) sent += static_cast<std::size_t>(put);
    if (put >= 0 || errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) break;  // it may have answered already
    if (!wait_for(fd->get(), POLLOUT, until, cancel)) return late;
  }
  std::string in;
  char bytes[4096];
  std::size_t head = in.npos;
  while (true) {
    if (head == in.npos) head = in.find("\r\n\r\n");
    if (head != in.npos) {
      bool is_there = false;
      const auto length = length_in(std::string_view(in).substr(0, head), is_there);
      if (is_there && in.size() - head - 4 >= length) break;
    }
    if (in.size() > reply_bytes_max) break;
    if (!wait_for(fd->get(), POLLIN, until, cancel)) return late;
    const auto got = ::recv(fd->get(), bytes, sizeof bytes, 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return Error{"unreachable", printable(url.host) + ": " + std::strerror(errno), Retry::same_call};
    if (got == 0) break;
    in.append(bytes, static_cast<std::size_t>(got));
  }
  HttpReply reply;
  const auto blank = in.find(' ');
  if (head == in.npos || !in.starts_with("HTTP/1.") || blank == in.npos ||
      std::from_chars(in.data() + blank + 1, in.data() + in.size(), reply.status).ec != std::errc{})
    return Error{"bad_reply", printable(url.host) + ":" + url.port + " does not answer as HTTP does"};
  reply.headers = in.substr(0, head);
  reply.body = in.substr(head + 4);
  return reply;
}

}  // namespace tidings::ops
