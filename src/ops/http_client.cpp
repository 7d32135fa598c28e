#include "ops/http_client.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

#include "ops/socket.hpp"
#include "tidings/base/steady.hpp"
#include "tidings/base/strings.hpp"
#include "tidings/base/text.hpp"

namespace tidings::ops {

namespace {

constexpr std::size_t reply_bytes_max = std::size_t{1} << 24;
constexpr std::size_t reply_head_bytes_max = std::size_t{1} << 16;

std::optional<std::size_t> content_length(std::string_view head) {
  constexpr std::string_view name = "content-length:";
  while (!head.empty()) {
    const auto line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(line.size() + 2, head.size()));
    if (in_lower_case(line.substr(0, name.size())) != name) continue;
    const auto value = trimmed(line.substr(name.size()));
    std::size_t length = 0;
    if (std::from_chars(value.data(), value.data() + value.size(), length).ec == std::errc{}) return length;
  }
  return std::nullopt;
}

/// An answer, as it comes in.
class Incoming {
 public:
  void take(const char* bytes, std::size_t size) {
    in_.append(bytes, size);
    if (head_ != in_.npos) return;
    head_ = in_.find("\r\n\r\n", looked_);
    looked_ = in_.size() < 3 ? 0 : in_.size() - 3;  // three bytes of its end may be there
    if (head_ != in_.npos) length_ = content_length(std::string_view(in_).substr(0, head_));
  }
  [[nodiscard]] bool is_whole() const { return length_ && in_.size() - head_ - 4 >= *length_; }
  [[nodiscard]] bool is_too_large() const {
    return in_.size() > (head_ == in_.npos ? reply_head_bytes_max : reply_bytes_max);
  }
  /// Nothing: that is no HTTP.
  [[nodiscard]] std::optional<HttpReply> reply() const {
    HttpReply reply;
    const auto blank = in_.find(' ');
    if (head_ == in_.npos || !in_.starts_with("HTTP/1.") || blank == in_.npos ||
        std::from_chars(in_.data() + blank + 1, in_.data() + in_.size(), reply.status).ec != std::errc{})
      return std::nullopt;
    reply.headers = in_.substr(0, head_);
    reply.body = in_.substr(head_ + 4);
    return reply;
  }

 private:
  std::string in_;
  std::size_t head_ = std::string::npos;  ///< where it ends
  std::size_t looked_ = 0;
  std::optional<std::size_t> length_;
};

/// Errno's where it fails.
Fd connected(const Address& address, SteadyTime until, int cancel) {
  Fd fd(::socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0 || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.size) == 0)
    return fd;
  if (errno != EINPROGRESS) return Fd();
  int error = ETIMEDOUT;
  socklen_t size = sizeof error;
  if (wait_for(fd.get(), POLLOUT, until, cancel)) (void)::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error == 0) return fd;
  errno = error;
  return Fd();
}

}  // namespace

struct HttpClient::Connection {
  Fd fd;
  std::unique_ptr<HttpChannel> channel{};  ///< none: the socket itself

  std::ptrdiff_t send(const char* bytes, std::size_t size) const {
    return channel ? channel->send(bytes, size) : ::send(fd.get(), bytes, size, MSG_NOSIGNAL);
  }
  std::ptrdiff_t receive(char* into, std::size_t size) const {
    return channel ? channel->receive(into, size) : ::recv(fd.get(), into, size, 0);
  }
  /// After a call that failed with errno: it may be made again.
  [[nodiscard]] bool wait(short events, SteadyTime until, int cancel) const {
    if (channel) events = channel->waits_to_write() ? POLLOUT : POLLIN;
    return wait_for(fd.get(), events, until, cancel);
  }
};

HttpClient::HttpClient(HttpUrl url, std::optional<TlsTrust> trust, Lookup::Ask ask)
    : url_(std::move(url)), trust_(std::move(trust)), lookup_(url_.host, url_.port, std::move(ask)) {}

Result<HttpClient> HttpClient::make(HttpUrl url, Options options) {
  std::optional<TlsTrust> trust;
  if (url.is_secure) {
    auto made = TlsTrust::of(options.authorities_file);
    if (!made) return made.error();
    trust = std::move(*made);
  }
  return HttpClient(std::move(url), std::move(trust), std::move(options.lookup));
}

Error HttpClient::unreachable(std::string_view why) const {
  return {"unreachable", printable(url_.host) + ":" + url_.port + " " + std::string(why), Retry::same_call};
}

Result<HttpClient::Connection> HttpClient::connect(SteadyTime until, int cancel) {
  const auto addresses = lookup_.find(until, cancel);
  if (!addresses) return addresses.error();
  int error = ETIMEDOUT;
  for (std::size_t at = 0; at < addresses->size(); ++at) {
    // One that takes no connection and refuses none leaves the others their time.
    const auto now = steady_now();
    const auto share = (until - now) / static_cast<std::int64_t>(addresses->size() - at);
    Connection made{.fd = connected((*addresses)[at], now + share, cancel)};
    if (made.fd.get() < 0) {
      error = errno;
      continue;
    }
    if (trust_) {
      auto channel = trust_->connect(made.fd.get(), url_.host, until, cancel);
      if (!channel) return channel.error();
      made.channel = std::move(*channel);
    }
    return made;
  }
  return unreachable(std::string("is not reached: ") + std::strerror(error));
}

std::string HttpClient::head_of(std::string_view method, const Headers& headers, std::size_t body_bytes) const {
  const auto host = url_.host.contains(':') ? "[" + url_.host + "]" : url_.host;
  std::string out;
  out.append(method).append(" ").append(url_.path).append(" HTTP/1.1\r\nHost: ").append(host);
  out.append(":").append(url_.port).append("\r\nConnection: close\r\n");
  for (const auto& [name, value] : headers) out.append(name).append(": ").append(value).append("\r\n");
  if (body_bytes > 0) out.append("Content-Length: ").append(std::to_string(body_bytes)).append("\r\n");
  return out.append("\r\n");
}

Result<HttpReply> HttpClient::call(std::string_view method, const Headers& headers, std::string_view body,
                                   SteadyTime until, int cancel) {
  const auto connection = connect(until, cancel);
  if (!connection) return connection.error();
  const auto is_to_be_awaited = [] { return errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK; };
  const auto out = head_of(method, headers, body.size()).append(body);
  for (std::size_t sent = 0; sent < out.size();) {
    const auto put = connection->send(out.data() + sent, out.size() - sent);
    if (put >= 0) {
      sent += static_cast<std::size_t>(put);
      continue;
    }
    if (!is_to_be_awaited()) break;  // it may have answered already
    if (!connection->wait(POLLOUT, until, cancel)) return unreachable("did not take the request in time");
  }
  Incoming in;
  char bytes[16'384];
  while (!in.is_whole() && !in.is_too_large()) {
    const auto got = connection->receive(bytes, sizeof bytes);
    if (got == 0) break;
    if (got < 0 && !is_to_be_awaited())
      return unreachable(std::string("broke the connection: ") + std::strerror(errno));
    if (got > 0) in.take(bytes, static_cast<std::size_t>(got));
    if (steady_now() >= until || (got < 0 && !connection->wait(POLLIN, until, cancel)))
      return unreachable("did not answer in time");
  }
  if (auto reply = in.reply(); reply && (in.is_whole() || !in.is_too_large())) return std::move(*reply);
  return Error{"bad_reply", printable(url_.host) + ":" + url_.port + " does not answer as HTTP does, or with too much"};
}

Result<HttpReply> http_call(const HttpUrl& url, std::string_view method, const HttpClient::Headers& headers,
                            std::string_view body, SteadyTime until, int cancel) {
  auto client = HttpClient::make(url);
  if (!client) return client.error();
  return client->call(method, headers, body, until, cancel);
}

}  // namespace tidings::ops
