// Its life: it listens, and gives each round what has come to whom it is for.
#include "ops/http_loop.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "tidings/base/steady.hpp"

namespace tidings::ops {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t listening_id = 0;
constexpr std::uint64_t mail_id = 1;
constexpr Duration sweep_every = 200ms;
constexpr Duration accept_pause = 100ms;

std::string peer_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  char host[NI_MAXHOST] = {}, port[NI_MAXSERV] = {};
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (::getpeername(socket, any, &size) != 0 ||
      ::getnameinfo(any, size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return {};
  const std::string_view name = host;
  return name.contains(':') ? "[" + std::string(name) + "]:" + port : std::string(name) + ":" + port;
}

}  // namespace

HttpServer::Loop::Loop(HttpOptions options) : options_(std::move(options)) {}

Result<> HttpServer::Loop::start() {
  auto listening = listen_at(options_.listen);
  if (!listening) return listening.error();
  listening_ = std::move(listening->fd);
  address_ = listening->address;
  port_ = listening->port;
  epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event of_listening{.events = EPOLLIN, .data = {.u64 = listening_id}};
  epoll_event of_mail{.events = EPOLLIN, .data = {.u64 = mail_id}};
  if (epoll_.get() < 0 || mail_->wake.get() < 0 ||
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listening_.get(), &of_listening) != 0 ||
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, mail_->wake.get(), &of_mail) != 0)
    return Error{"too_many_files", "no descriptor is left; raise the limit (ulimit -n)", Retry::same_call};
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    return Error{"too_many_files", "no thread is left; raise the limit (ulimit -u)", Retry::same_call};
  }
  return {};
}

void HttpServer::Loop::stop() {
  stopping_ = true;
  mail_->post();
  {
    const std::scoped_lock lock(jobs_mutex_);
    jobs_changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  for (auto& worker : workers_) worker.join();
  workers_.clear();
}

void HttpServer::Loop::run() {
  std::array<epoll_event, 64> events{};
  auto swept = steady_now();
  SteadyTime last = SteadyTime::max();
  while (true) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), turns_.empty() ? 200 : 0);
    for (int at = 0; at < count; ++at) {
      const auto id = events[static_cast<std::size_t>(at)].data.u64;
      const auto what = events[static_cast<std::size_t>(at)].events;
      if (id == listening_id) {
        accept_all();
      } else if (id == mail_id) {
        take_mail();
      } else if (const auto found = connections_.find(id); found != connections_.end()) {
        if ((what & (EPOLLHUP | EPOLLERR)) != 0) {
          dropped_.push_back(id);
          continue;
        }
        if ((what & (EPOLLIN | EPOLLRDHUP)) != 0) read_from(found->second);
        if ((what & EPOLLOUT) != 0) {
          if (found->second.channel && found->second.channel->waits_to_write()) read_from(found->second);
          write_to(found->second);
        }
      }
    }
    take_turns();
    for (const auto id : std::exchange(dropped_, {})) drop(id);
    const auto now = steady_now();
    if (now - swept >= sweep_every) {
      swept = now;
      sweep(now);
      for (const auto id : std::exchange(dropped_, {})) drop(id);
    }
    if (!stopping_) continue;
    // Answers that are on their way are taken along.
    if (last == SteadyTime::max()) {
      last = now + options_.drain;
      listening_ = Fd();
      accepts_ = false;
    }
    const bool any = std::ranges::any_of(
        connections_, [](const auto& one) { return !one.second.stream && one.second.written < one.second.out.size(); });
    if (!any || now >= last) break;
  }
  for (auto& [id, connection] : connections_) {
    if (!connection.stream) continue;
    const std::scoped_lock lock(connection.stream->mutex);
    connection.stream->open = false;
  }
  connections_.clear();
}

void HttpServer::Loop::accept_all() {
  for (int taken = 0; taken < 64; ++taken) {
    Fd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd.get() < 0) {
      if (errno == ECONNABORTED || errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      // No descriptor is left: who has been silent longest gives his, and nobody spins.
      make_room();
      epoll_event none{.events = 0, .data = {.u64 = listening_id}};
      (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listening_.get(), &none);
      accepts_ = false;
      accept_again_ = steady_now() + accept_pause;
      return;
    }
    if (connections_.size() >= options_.connections_max) make_room();
    const int yes = 1;
    (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    const auto id = next_id_++;
    epoll_event event{.events = EPOLLIN | EPOLLRDHUP, .data = {.u64 = id}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) continue;
    auto& connection = connections_[id];
    connection.channel = channel_of(fd.get());
    if (options_.channel && !connection.channel) {
      connections_.erase(id);
      continue;
    }
    connection.peer = peer_of(fd.get());
    connection.fd = std::move(fd);
    connection.id = id;
    connection.heard = steady_now();
    connection.until = connection.heard + options_.request_within;
  }
}

/// None where the server's user has none, or throws.
std::unique_ptr<HttpChannel> HttpServer::Loop::channel_of(int socket) const {
  try {
    return options_.channel ? options_.channel(socket) : nullptr;
  } catch (...) {
    return nullptr;
  }
}

/// Streams last.
void HttpServer::Loop::make_room() {
  const auto oldest = std::ranges::min_element(connections_, {}, [](const auto& one) {
    return std::pair(one.second.stream != nullptr || one.second.is_busy, one.second.heard);
  });
  if (oldest != connections_.end()) drop(oldest->first);
}

void HttpServer::Loop::sweep(SteadyTime now) {
  for (const auto& [id, connection] : connections_)
    if (connection.until <= now) dropped_.push_back(id);
  if (accepts_ || stopping_ || now < accept_again_) return;
  accepts_ = true;
  epoll_event again{.events = EPOLLIN, .data = {.u64 = listening_id}};
  (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listening_.get(), &again);
}

void HttpServer::Loop::drop(std::uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  if (const auto& stream = found->second.stream) {
    --streams_;
    const std::scoped_lock lock(stream->mutex);
    stream->open = false;
  }
  connections_.erase(found);
}

}  // namespace tidings::ops
