#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <thread>

#include "ops/http_client.hpp"
#include "tidings/base/entropy.hpp"
#include "tidings/ops/http.hpp"

namespace tidings::ops {

/// Looks again and again until it is so; no test depends on how long that takes.
template <class Condition>
[[nodiscard]] bool eventually(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

inline HttpReply get(const HttpServer& server, std::string_view path) {
  return http_call({.host = "127.0.0.1", .port = std::to_string(server.port()), .path = std::string(path)}, "GET", {},
                   "", std::chrono::steady_clock::now() + std::chrono::seconds{30})
      .or_throw();
}

/// A connection of which every byte is seen.
class Client {
 public:
  explicit Client(const HttpServer& server) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(server.port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  bool send(std::string_view bytes) const {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  /// All that comes until this is in it, or the connection ends.
  [[nodiscard]] std::string read_until(std::string_view part) const {
    std::string text;
    char bytes[4096];
    while (part.empty() || !text.contains(part)) {
      pollfd one{.fd = fd_, .events = POLLIN, .revents = 0};
      if (::poll(&one, 1, 30'000) <= 0) return text + " (nothing more)";
      const auto got = ::recv(fd_, bytes, sizeof bytes, 0);
      if (got <= 0) break;
      text.append(bytes, static_cast<std::size_t>(got));
    }
    return text;
  }
  [[nodiscard]] std::string read_to_end() const { return read_until({}); }
  [[nodiscard]] bool has_answer() const {
    char byte = 0;
    return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }
  [[nodiscard]] bool is_closed() const {
    char byte = 0;
    const auto got = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno == ECONNRESET);
  }
  /// What has come is taken first.
  [[nodiscard]] bool is_closed_after_reading() const {
    char bytes[65536];
    ssize_t got = 0;
    while ((got = ::recv(fd_, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
    }
    return got == 0 || errno == ECONNRESET;
  }

 private:
  int fd_;
};

}  // namespace tidings::ops
