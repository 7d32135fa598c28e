#include "testing/servers/tcp_proxy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>
#include <vector>

namespace tidings::testing {

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

bool send_all(int socket, const char* data, std::size_t size) {
  while (size > 0) {
    const auto sent = ::send(socket, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = loopback(port);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
  ::close(socket);
  return -1;
}

/// One connection, both ways.
struct Pair {
  int client = -1;
  int server = -1;
  bool has_lost = false;

  void close() {
    ::close(client);
    ::close(server);
    client = server = -1;
  }
};

}  // namespace

Result<std::unique_ptr<TcpProxy>> TcpProxy::start(std::uint16_t server_port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  constexpr int waiting_max = 64;
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::listen(listener, waiting_max) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    ::close(listener);
    return Error{"io_error", "a proxy finds no port on 127.0.0.1", Retry::same_call};
  }
  return std::unique_ptr<TcpProxy>(new TcpProxy(listener, ntohs(address.sin_port), server_port));
}

TcpProxy::~TcpProxy() {
  ends_ = true;
  thread_.join();
  ::close(listener_);
}

void TcpProxy::run() {
  constexpr int look_again_ms = 5;
  std::vector<Pair> pairs;
  std::vector<char> buffer(std::size_t{256} << 10);
  std::vector<pollfd> polled;
  while (!ends_) {
    polled.assign(1, {listener_, POLLIN, 0});
    for (const auto& pair : pairs) {
      polled.push_back({pair.client, POLLIN, 0});
      polled.push_back({pair.server, POLLIN, 0});
    }
    (void)::poll(polled.data(), polled.size(), look_again_ms);
    const bool cuts = cuts_.exchange(false);
    const bool loses = loses_;
    for (std::size_t index = 0; index < pairs.size(); ++index) {
      auto& pair = pairs[index];
      bool goes_on = !cuts && (loses || !pair.has_lost);
      for (const bool to_server : {true, false}) {
        if (!goes_on || (polled[1 + 2 * index + (to_server ? 0 : 1)].revents & (POLLIN | POLLHUP | POLLERR)) == 0)
          continue;
        const auto got = ::recv(to_server ? pair.client : pair.server, buffer.data(), buffer.size(), 0);
        goes_on = got > 0;
        if (!goes_on) break;
        if (!to_server && loses)
          pair.has_lost = true;
        else
          goes_on = send_all(to_server ? pair.server : pair.client, buffer.data(), static_cast<std::size_t>(got));
      }
      if (!goes_on) pair.close();
    }
    std::erase_if(pairs, [](const Pair& pair) { return pair.client < 0; });
    if ((polled[0].revents & POLLIN) != 0) {
      Pair pair{.client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)};
      if (pair.client < 0) continue;
      pair.server = refuses_ ? -1 : connect_to(server_port_);
      if (pair.server < 0) {
        ::close(pair.client);
        continue;
      }
      const int at_once = 1;
      for (const int socket : {pair.client, pair.server})
        ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
      pairs.push_back(pair);
    }
  }
  for (auto& pair : pairs) pair.close();
}

}  // namespace tidings::testing
