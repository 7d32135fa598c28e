#include "testing/servers/tcp_proxy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <list>
#include <string>
#include <vector>

namespace tidings::testing {

namespace {

constexpr int look_every_ms = 5;
constexpr std::size_t held_max = std::size_t{1} << 20;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

/// What goes one way of a connection.
struct Way {
  int from = -1;
  int to = -1;
  std::string held{};  // read, and not taken yet

  [[nodiscard]] bool may_read() const { return held.size() < held_max; }
  /// False: the connection is over.
  bool read(bool lose, bool& has_lost) {
    std::array<char, 65536> bytes;
    const auto size = ::recv(from, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size <= 0) return size < 0 && (errno == EAGAIN || errno == EINTR);
    if (lose)
      has_lost = true;
    else
      held.append(bytes.data(), static_cast<std::size_t>(size));
    return true;
  }
  bool write() {
    while (!held.empty()) {
      const auto size = ::send(to, held.data(), held.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (size < 0) return errno == EAGAIN || errno == EINTR;
      held.erase(0, static_cast<std::size_t>(size));
    }
    return true;
  }
};

struct Connection {
  Connection(int client, int server) : asked{client, server}, answered{server, client} {}
  ~Connection() {
    ::close(asked.from);
    ::close(asked.to);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Way asked;
  Way answered;
  bool has_lost = false;
  bool over = false;
};

void without_delay(int socket) {
  const int yes = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

}  // namespace

Result<std::unique_ptr<TcpProxy>> TcpProxy::listen() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (socket < 0 || ::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::listen(socket, 64) != 0 || ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    if (socket >= 0) ::close(socket);
    return Error{"io_error", "cannot listen on 127.0.0.1", Retry::same_call};
  }
  return std::unique_ptr<TcpProxy>(new TcpProxy(socket, ntohs(address.sin_port)));
}

Result<std::unique_ptr<TcpProxy>> TcpProxy::start(std::uint16_t server_port) {
  auto proxy = listen();
  if (proxy) (*proxy)->pass_to(server_port);
  return proxy;
}

TcpProxy::TcpProxy(int listener, std::uint16_t port)
    : listener_(listener), port_(port), thread_([this](const std::stop_token& stop) { run(stop); }) {}

TcpProxy::~TcpProxy() {
  thread_.request_stop();
  thread_.join();
  ::close(listener_);
}

void TcpProxy::run(const std::stop_token& stop) {
  std::list<Connection> connections;
  std::vector<pollfd> watched;
  while (!stop.stop_requested()) {
    watched.assign(1, {listener_, POLLIN, 0});
    for (const auto& each : connections)
      for (const auto* way : {&each.asked, &each.answered}) {
        watched.push_back({way->from, static_cast<short>(way->may_read() ? POLLIN : 0), 0});
        watched.push_back({way->to, static_cast<short>(way->held.empty() ? 0 : POLLOUT), 0});
      }
    ::poll(watched.data(), watched.size(), look_every_ms);
    const bool lose = loses_;
    const bool cut = cuts_.exchange(false);
    std::size_t at = 1;
    for (auto& each : connections) {
      for (auto* way : {&each.asked, &each.answered}) {
        const auto& from = watched[at++];
        const auto& to = watched[at++];
        if ((from.revents & (POLLIN | POLLHUP | POLLERR)) != 0 &&
            !way->read(lose && way == &each.answered, each.has_lost))
          each.over = true;
        if ((to.revents & (POLLHUP | POLLERR)) != 0 || !way->write()) each.over = true;
      }
      if (cut || (each.has_lost && !lose)) each.over = true;
    }
    connections.remove_if([](const Connection& each) { return each.over; });
    if ((watched.front().revents & POLLIN) == 0) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) continue;
    if (refuses_) {
      ::close(client);
      continue;
    }
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = loopback(server_port_);
    if (server < 0 || ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      ::close(client);
      if (server >= 0) ::close(server);
      continue;
    }
    without_delay(client);
    without_delay(server);
    connections.emplace_back(client, server);
  }
}

}  // namespace tidings::testing
