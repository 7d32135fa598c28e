#include "ops/http_loop.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "tidings/base/guarded.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/json.hpp"

namespace tidings::ops {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t listening_id = 0;
constexpr std::uint64_t mail_id = 1;
constexpr Duration sweep_every = 200ms;
constexpr Duration accept_pause = 100ms;
constexpr std::size_t pipelined_max = 16;                   // requests of one connection before others have their turn
constexpr std::size_t unheard_max = std::size_t{64} << 10;  // bytes of who listens, likewise

SteadyTime steady() {
  return std::chrono::steady_clock::now();
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 421:
      return "Misdirected Request";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

HttpAnswer plain_problem(int status, std::string_view why) {
  HttpAnswer answer{.status = status, .body = R"({"error":)"};
  append_json_string(answer.body, printable(why));
  answer.body += "}\n";
  return answer;
}

/// What a route gives, whatever it throws.
template <class Call, class Problem>
HttpAnswer answer_of(Call&& call, Problem&& problem) {
  try {
    return std::forward<Call>(call)();
  } catch (const std::exception& thrown) {
    return problem(500, thrown.what());
  } catch (...) {
    return problem(500, "something was thrown");
  }
}

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

HttpMail::HttpMail() : wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void HttpMail::post() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake.get(), &one, sizeof one);
}

HttpServer::Loop::Loop(HttpOptions options) : options_(std::move(options)) {}

HttpAnswer HttpServer::Loop::problem(int status, std::string_view why) const {
  auto answer = options_.problem ? options_.problem(status, why) : plain_problem(status, why);
  if (status == 405)
    answer.headers.emplace_back("Allow", options_.body_bytes_max > 0 ? "GET, HEAD, POST" : "GET, HEAD");
  return answer;
}

std::ptrdiff_t HttpServer::Loop::receive(Connection& connection, char* into, std::size_t size) {
  return connection.channel ? connection.channel->receive(into, size) : ::recv(connection.fd.get(), into, size, 0);
}

std::ptrdiff_t HttpServer::Loop::transmit(Connection& connection, const char* bytes, std::size_t size) {
  return connection.channel ? connection.channel->send(bytes, size)
                            : ::send(connection.fd.get(), bytes, size, MSG_NOSIGNAL);
}

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
  thread_ = std::thread([this] { run(); });
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
  auto swept = steady();
  SteadyTime last = SteadyTime::max();
  while (true) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 200);
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
    for (const auto id : std::exchange(dropped_, {})) drop(id);
    const auto now = steady();
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
      accept_again_ = steady() + accept_pause;
      return;
    }
    if (connections_.size() >= options_.connections_max) make_room();
    const int yes = 1;
    (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    const auto id = next_id_++;
    epoll_event event{.events = EPOLLIN | EPOLLRDHUP, .data = {.u64 = id}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) continue;
    auto& connection = connections_[id];
    if (options_.channel) connection.channel = options_.channel(fd.get());
    connection.peer = peer_of(fd.get());
    connection.fd = std::move(fd);
    connection.id = id;
    connection.heard = steady();
    connection.until = connection.heard + options_.request_within;
  }
}

/// Streams last.
void HttpServer::Loop::make_room() {
  const auto oldest = std::ranges::min_element(connections_, {}, [](const auto& one) {
    return std::pair(one.second.stream != nullptr || one.second.is_busy, one.second.heard);
  });
  if (oldest != connections_.end()) drop(oldest->first);
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
    connection.heard = steady();
    if (connection.stream) {  // who listens has no more to say
      unheard += static_cast<std::size_t>(got);
      if (unheard < unheard_max) continue;
      if (connection.channel && connection.channel->holds_any()) give_turn(connection);
      return;  // the socket tells again of what is left
    }
    connection.in.append(bytes, static_cast<std::size_t>(got));
    if (connection.in.size() > held_max()) break;  // first what is there is answered
  }
  if (connection.has_turn && !connection.has_ended)
    watch(connection);
  else
    answer_what_is_there(connection);
  if (!connection.has_ended) return;
  connection.keeps_alive = false;
  if (!connection.is_busy && connection.written == connection.out.size()) dropped_.push_back(connection.id);
}

void HttpServer::Loop::answer_what_is_there(Connection& connection) {
  for (std::size_t done = 0; done < pipelined_max; ++done) {
    if (connection.is_busy || connection.stream || connection.written < connection.out.size()) break;
    if (!connection.keeps_alive || connection.in.empty()) break;
    auto parsed = parse_request(connection.in, options_.request_bytes_max, options_.body_bytes_max);
    parsed.request.peer = connection.peer;
    if (parsed.state == ParsedRequest::State::incomplete) {  // so long from its first byte on
      connection.until = std::min<SteadyTime>(connection.until, connection.heard + options_.request_within);
      break;
    }
    if (parsed.state == ParsedRequest::State::refused) {
      connection.in.clear();
      connection.keeps_alive = false;
      send(connection, problem(parsed.status, parsed.why));
      break;
    }
    connection.in.erase(0, parsed.bytes);
    handle(connection, std::move(parsed));
  }
  watch(connection);
}

void HttpServer::Loop::handle(Connection& connection, ParsedRequest parsed) {
  connection.is_head = parsed.is_head;
  connection.keeps_alive = parsed.keeps_alive && !stopping_ && !connection.has_ended;
  if (options_.gate)
    if (auto refused = options_.gate(parsed.request)) return send(connection, *refused);
  const bool is_post = parsed.request.method == "POST";
  const auto& routes = is_post ? posts_ : routes_;
  const auto found = routes.find(parsed.request.path);
  if (found == routes.end()) {
    if ((is_post ? routes_ : posts_).contains(parsed.request.path))
      return send(connection, problem(405, is_post ? "this is asked with GET" : "this is asked with POST"));
    std::string known;
    for (const auto& [path, route] : routes_) known += (known.empty() ? "" : ", ") + path;
    return send(connection, problem(404, "there is nothing here; there are " + known));
  }
  const auto& route = found->second;
  if (route.stream) return begin_stream(connection, route, parsed.request);
  if (!route.is_slow)
    return send(connection, answer_of([&] { return route.handle(parsed.request); },
                                      [this](int status, std::string_view why) { return problem(status, why); }));
  const std::scoped_lock lock(jobs_mutex_);
  if (jobs_.size() >= options_.waiting_max) return send(connection, problem(503, "too many ask at once"));
  jobs_.push_back({connection.id, &route, std::move(parsed.request)});
  connection.is_busy = true;
  connection.until = SteadyTime::max();
  if (idle_ == 0 && workers_.size() < options_.threads) workers_.emplace_back([this] { work(); });
  jobs_changed_.notify_one();
}

void HttpServer::Loop::begin_stream(Connection& connection, const Route& route, const HttpRequest& request) {
  if (streams_ >= options_.streams_max) return send(connection, problem(503, "too many listen already"));
  auto state = std::make_shared<HttpStream::State>();
  state->mail = mail_;
  state->connection = connection.id;
  state->bytes_max = options_.stream_bytes_max;
  const auto answer = answer_of([&] { return route.stream(request, HttpStream(state)); },
                                [this](int status, std::string_view why) { return problem(status, why); });
  connection.keeps_alive = false;
  if (answer.status != 200 || connection.is_head) {
    const std::scoped_lock lock(state->mutex);
    state->open = false;
    return send(connection, answer);
  }
  ++streams_;
  connection.stream = std::move(state);
  send(connection, answer, true);
  take_stream(connection);
}

void HttpServer::Loop::send(Connection& connection, const HttpAnswer& answer, bool is_stream) {
  auto& out = connection.out;
  out.append("HTTP/1.1 ").append(std::to_string(answer.status)).append(" ").append(reason_of(answer.status));
  out.append("\r\nContent-Type: ").append(answer.type);
  if (!is_stream) out.append("\r\nContent-Length: ").append(std::to_string(answer.body.size()));
  bool says_caching = false;
  for (const auto* const headers : {&answer.headers, &options_.headers})
    for (const auto& [name, value] : *headers) {
      says_caching = says_caching || name == "Cache-Control";
      if (value.find_first_of("\r\n") == value.npos) out.append("\r\n").append(name).append(": ").append(value);
    }
  if (!says_caching) out.append("\r\nCache-Control: no-store");
  out.append("\r\nX-Content-Type-Options: nosniff");
  if (!connection.keeps_alive) out.append("\r\nConnection: close");
  out.append("\r\n\r\n");
  if (!connection.is_head) out.append(answer.body);
  connection.until = steady() + options_.request_within;
  write_to(connection);
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
    if (connection.stream) connection.until = steady() + options_.request_within;  // it takes what comes
  }
  connection.out.clear();
  connection.written = 0;
  if (connection.stream) {
    const std::scoped_lock lock(connection.stream->mutex);
    connection.stream->unsent = connection.stream->waiting.size();
    connection.until = SteadyTime::max();
    if (!connection.stream->open && connection.stream->waiting.empty()) dropped_.push_back(connection.id);
  } else if (!connection.keeps_alive) {
    dropped_.push_back(connection.id);
    return;
  } else if (!connection.is_busy) {
    connection.until = steady() + options_.idle_max;
    if (!connection.in.empty()) {  // the next one has begun to come, or is there: it is looked at with the next event
      connection.until = steady() + options_.request_within;
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

/// One a round, however much it has asked for at once.
void HttpServer::Loop::give_turn(Connection& connection) {
  if (std::exchange(connection.has_turn, true)) return;
  {
    const std::scoped_lock lock(mail_->mutex);
    mail_->streams.push_back(connection.id);
  }
  mail_->post();
}

void HttpServer::Loop::take_mail() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(mail_->wake.get(), &count, sizeof count);
  std::vector<std::pair<std::uint64_t, HttpAnswer>> answers;
  std::vector<std::uint64_t> streams;
  {
    const std::scoped_lock lock(mail_->mutex);
    answers.swap(mail_->answers);
    streams.swap(mail_->streams);
  }
  for (const auto& [id, answer] : answers) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) continue;
    found->second.is_busy = false;
    send(found->second, answer);
    if (!found->second.has_turn) answer_what_is_there(found->second);
  }
  for (const auto id : streams) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) continue;
    found->second.has_turn = false;
    if (found->second.stream) take_stream(found->second);
    if (found->second.channel && found->second.channel->holds_any())
      read_from(found->second);
    else if (!found->second.stream)
      answer_what_is_there(found->second);
  }
}

void HttpServer::Loop::take_stream(Connection& connection) {
  {
    const std::scoped_lock lock(connection.stream->mutex);
    auto& stream = *connection.stream;
    stream.told = false;
    if (connection.written == connection.out.size()) connection.until = steady() + options_.request_within;
    connection.out.erase(0, std::exchange(connection.written, 0));
    connection.out += std::exchange(stream.waiting, {});
    stream.unsent = connection.out.size();
  }
  write_to(connection);
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

void HttpServer::Loop::work() {
  std::unique_lock lock(jobs_mutex_);
  while (true) {
    ++idle_;
    jobs_changed_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
    --idle_;
    if (stopping_) return;
    const auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    auto answer = answer_of([&] { return job.route->handle(job.request); },
                            [this](int status, std::string_view why) { return problem(status, why); });
    {
      const std::scoped_lock mail(mail_->mutex);
      mail_->answers.emplace_back(job.connection, std::move(answer));
    }
    mail_->post();
    lock.lock();
  }
}

}  // namespace tidings::ops
