// The bytes of a connection, in and out, and what epoll is to tell of them.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "ops/http_loop.hpp"
#include "tidings/base/steady.hpp"

namespace tidings::ops {

namespace {

constexpr std::size_t unheard_max = std::size_t{64} << 10;    // bytes of who listens before others have their turn
constexpr Duration turns_max = std::chrono::milliseconds{2};  // of one round

}  // namespace

std::ptrdiff_t HttpServer::Loop::receive(Connection& connection, char* into, std::size_t size) {
  return connection.channel ? connection.channel->receive(into, size) : ::recv(connection.fd.get(), into, size, 0);
}

std::ptrdiff_t HttpServer::Loop::transmit(Connection& connection, const char* bytes, std::size_t size) {
  return connection.channel ? connection.channel->send(bytes, size)
                            : ::send(connection.fd.get(), bytes, size, MSG_NOSIGNAL);
}

void HttpServer::Loop::read_from(Connection& connection) {
  char bytes[4096];
  std::size_t unheard = 0;
  while (true) {
    const auto got = receive(connection, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (got == 0 && !connection.stream) {  // it says no more, and may wait for its answer
      connection.has_ended = true;
      break;
    }
    if (got <= 0) {
      dropped_.push_back(connection.id);
      return;
    }
    connection.heard = steady_now();
    if (connection.stream) {  // who listens has no more to say
      unheard += static_cast<std::size_t>(got);
      if (unheard < unheard_max) continue;
      if (connection.channel && connection.channel->holds_any()) give_turn(connection);
      return;  // the socket tells again of what is left
    }
    connection.in.append(bytes, static_cast<std::size_t>(got));
    if (connection.in.size() > held_max()) break;  // first what is there is answered
  }
  if (connection.has_turn)
    watch(connection);
  else
    answer_next(connection);
}

void HttpServer::Loop::write_to(Connection& connection) {
  while (connection.written < connection.out.size()) {
    const auto put =
        transmit(connection, connection.out.data() + connection.written, connection.out.size() - connection.written);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return watch(connection);
    if (put < 0) {
      dropped_.push_back(connection.id);
      return;
    }
    connection.written += static_cast<std::size_t>(put);
    if (connection.stream) connection.until = steady_now() + options_.request_within;  // it takes what comes
  }
  connection.out.clear();
  connection.written = 0;
  if (connection.stream) {
    const std::scoped_lock lock(connection.stream->mutex);
    connection.stream->unsent = connection.stream->waiting.size();
    connection.until = SteadyTime::max();
    if (!connection.stream->open && connection.stream->waiting.empty()) dropped_.push_back(connection.id);
  } else if (!connection.keeps_alive || (connection.has_ended && !connection.is_busy && connection.in.empty())) {
    dropped_.push_back(connection.id);
    return;
  } else if (!connection.is_busy) {
    connection.until = steady_now() + options_.idle_max;
    if (!connection.in.empty()) {  // the next one has begun to come, or is there: it waits for its turn
      connection.until = steady_now() + options_.request_within;
      give_turn(connection);
    }
  }
  watch(connection);
}

/// What epoll is to tell of: who has enough to answer is not read from.
void HttpServer::Loop::watch(Connection& connection) {
  const bool reads =
      connection.stream || (!connection.has_ended && !connection.is_busy && connection.in.size() <= held_max());
  const bool writes =
      connection.written < connection.out.size() || (connection.channel && connection.channel->waits_to_write());
  if (reads && !connection.reads && connection.channel && connection.channel->holds_any())
    give_turn(connection);  // no socket tells of it
  if (reads == connection.reads && writes == connection.writes) return;
  connection.reads = reads;
  connection.writes = writes;
  epoll_event event{.events = 0, .data = {.u64 = connection.id}};
  if (reads) event.events |= EPOLLIN | EPOLLRDHUP;
  if (writes) event.events |= EPOLLOUT;
  (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
}

/// One request a turn, however much it has asked for at once.
void HttpServer::Loop::give_turn(Connection& connection) {
  if (!std::exchange(connection.has_turn, true)) turns_.push_back(connection.id);
}

/// Each that waits, once at most, and no longer than who is new may have to wait: the rest comes first in the next
/// round.
void HttpServer::Loop::take_turns() {
  const auto until = steady_now() + turns_max;
  for (auto left = turns_.size(); left > 0; --left) {
    const auto found = connections_.find(turns_.front());
    turns_.pop_front();
    if (found == connections_.end()) continue;
    auto& connection = found->second;
    connection.has_turn = false;
    if (connection.channel && connection.channel->holds_any())
      read_from(connection);
    else if (!connection.stream)
      answer_next(connection);
    if (steady_now() >= until) return;
  }
}

}  // namespace tidings::ops
