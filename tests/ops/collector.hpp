#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tidings/event/json_codec.hpp"

namespace tidings::ops {

/// A span as OTLP's JSON has it, as far as tests look at it.
struct SpanSeen {
  struct Value {
    std::string stringValue;
    std::string intValue;
  };
  struct Attribute {
    std::string key;
    Value value;
  };
  struct Link {
    std::string traceId;
    std::string spanId;
  };
  struct Status {
    std::int64_t code = 0;
    std::string message;
  };
  std::string traceId;
  std::string spanId;
  std::string parentSpanId;
  std::string name;
  std::int64_t kind = 0;
  std::string startTimeUnixNano;
  std::string endTimeUnixNano;
  std::vector<Attribute> attributes;
  std::vector<Link> links;
  Status status;
  std::string service;  // of its resource

  [[nodiscard]] std::string attribute(std::string_view wanted) const {
    for (const auto& one : attributes)
      if (one.key == wanted) return one.value.stringValue + one.value.intValue;
    return "";
  }
};
struct ScopeSeen {
  std::vector<SpanSeen> spans;
};
struct ResourceSeen {
  std::vector<SpanSeen::Attribute> attributes;
};
struct ResourceSpansSeen {
  ResourceSeen resource;
  std::vector<ScopeSeen> scopeSpans;
};
struct RequestSeen {
  std::vector<ResourceSpansSeen> resourceSpans;
};

/// Takes OTLP over HTTP, on a port of its own; may answer otherwise, or not at all.
class Collector {
 public:
  Collector() : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listening_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listening_, 64) != 0 ||
        ::getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      std::abort();
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Collector() {
    stopping_ = true;
    thread_.join();
    ::close(listening_);
  }
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  [[nodiscard]] std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::vector<SpanSeen> spans() const {
    const std::scoped_lock lock(mutex_);
    return spans_;
  }
  [[nodiscard]] std::vector<std::string> heads() const {
    const std::scoped_lock lock(mutex_);
    return heads_;
  }
  std::atomic<int> status = 200;
  std::atomic<bool> is_silent = false;  ///< takes requests, and never answers

 private:
  void run() {
    while (!stopping_) {
      pollfd one{.fd = listening_, .events = POLLIN, .revents = 0};
      if (::poll(&one, 1, 20) <= 0) continue;
      const int fd = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      take(fd);
      ::close(fd);
    }
  }
  void take(int fd) {
    std::string in;
    char bytes[8192];
    std::size_t head = std::string::npos, wanted = 0;
    while (head == std::string::npos || in.size() < head + 4 + wanted) {
      const auto got = ::recv(fd, bytes, sizeof bytes, 0);
      if (got <= 0) return;
      in.append(bytes, static_cast<std::size_t>(got));
      if (head != std::string::npos || (head = in.find("\r\n\r\n")) == std::string::npos) continue;
      const auto length = in.find("Content-Length: ");
      wanted = length < head ? std::strtoul(in.c_str() + length + 16, nullptr, 10) : 0;
    }
    while (is_silent && !stopping_) std::this_thread::sleep_for(std::chrono::milliseconds{1});
    const int answer = status;
    if (answer == 200) {
      auto request = JsonCodec::decode<RequestSeen>(std::string_view(in).substr(head + 4));
      const std::scoped_lock lock(mutex_);
      heads_.push_back(in.substr(0, head));
      if (!request) std::abort();
      for (auto& resource : request->resourceSpans) {
        SpanSeen names;
        names.attributes = resource.resource.attributes;
        for (auto& scope : resource.scopeSpans)
          for (auto& span : scope.spans) {
            span.service = names.attribute("service.name");
            spans_.push_back(std::move(span));
          }
      }
    }
    const auto out = "HTTP/1.1 " + std::to_string(answer) + " x\r\nContent-Length: 2\r\n\r\n{}";
    (void)::send(fd, out.data(), out.size(), MSG_NOSIGNAL);
  }

  int listening_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<SpanSeen> spans_;
  std::vector<std::string> heads_;
  std::thread thread_;
};

}  // namespace tidings::ops
