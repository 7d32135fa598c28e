// What becomes of requests: which route has them, on which thread, and the answer's text.
#include <algorithm>
#include <exception>
#include <optional>
#include <system_error>
#include <utility>

#include "ops/http_loop.hpp"
#include "tidings/base/steady.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/json.hpp"

namespace tidings::ops {

namespace {

/// https://www.rfc-editor.org/rfc/rfc9110#name-status-codes, as far as we answer with them.
constexpr std::pair<int, std::string_view> reasons[] = {{200, "OK"},
                                                        {303, "See Other"},
                                                        {304, "Not Modified"},
                                                        {400, "Bad Request"},
                                                        {401, "Unauthorized"},
                                                        {403, "Forbidden"},
                                                        {404, "Not Found"},
                                                        {405, "Method Not Allowed"},
                                                        {409, "Conflict"},
                                                        {413, "Content Too Large"},
                                                        {415, "Unsupported Media Type"},
                                                        {421, "Misdirected Request"},
                                                        {431, "Request Header Fields Too Large"},
                                                        {500, "Internal Server Error"},
                                                        {503, "Service Unavailable"},
                                                        {505, "HTTP Version Not Supported"}};

std::string_view reason_of(int status) {
  const auto* const known = std::ranges::find(reasons, status, &std::pair<int, std::string_view>::first);
  return known == std::end(reasons) ? "Status" : known->second;
}

bool is_one_line(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == value.npos;
}

HttpAnswer plain_problem(int status, std::string_view why) {
  HttpAnswer answer{.status = status, .body = R"({"error":)"};
  append_json_string(answer.body, printable(why));
  answer.body += "}\n";
  return answer;
}

}  // namespace

HttpAnswer HttpServer::Loop::problem(int status, std::string_view why) const {
  HttpAnswer answer;
  try {
    answer = options_.problem ? options_.problem(status, why) : plain_problem(status, why);
  } catch (...) {  // it shall tell what was wrong, and not be it
    answer = plain_problem(status, why);
  }
  if (status == 405)
    answer.headers.emplace_back("Allow", options_.body_bytes_max > 0 ? "GET, HEAD, POST" : "GET, HEAD");
  return answer;
}

/// What a function of the server's user gives, whatever it throws.
template <class Call>
HttpAnswer HttpServer::Loop::guarded_answer(Call&& call) const {
  try {
    return std::forward<Call>(call)();
  } catch (const std::exception& thrown) {
    return problem(500, thrown.what());
  } catch (...) {
    return problem(500, "something was thrown");
  }
}

/// One request, if it is there: the next one waits for its turn.
void HttpServer::Loop::answer_next(Connection& connection) {
  const bool may_answer = !connection.is_busy && !connection.stream && connection.written == connection.out.size() &&
                          connection.keeps_alive && !connection.in.empty();
  if (may_answer) {
    auto parsed = parse_request(connection.in, options_.request_bytes_max, options_.body_bytes_max);
    parsed.request.peer = connection.peer;
    if (parsed.state == ParsedRequest::State::incomplete) {  // so long from its first byte on
      connection.until = std::min<SteadyTime>(connection.until, connection.heard + options_.request_within);
    } else if (parsed.state == ParsedRequest::State::refused) {
      connection.in.clear();
      connection.keeps_alive = false;
      send(connection, problem(parsed.status, parsed.why));
    } else {
      connection.in.erase(0, parsed.bytes);
      handle(connection, std::move(parsed));
    }
  }
  // Who has said all gets answers to all that he has asked, and to no part of a request.
  const bool is_over = connection.has_ended && !connection.has_turn && !connection.is_busy && !connection.stream &&
                       connection.written == connection.out.size();
  if (is_over) dropped_.push_back(connection.id);
  watch(connection);
}

void HttpServer::Loop::handle(Connection& connection, ParsedRequest parsed) {
  connection.is_head = parsed.is_head;
  connection.keeps_alive = parsed.keeps_alive && !stopping_ && !(connection.has_ended && connection.in.empty());
  if (options_.gate) {
    std::optional<HttpAnswer> refused;
    const auto asked = [&] {
      refused = options_.gate(parsed.request);
      return HttpAnswer{};
    };
    if (auto failed = guarded_answer(asked); failed.status != 200) refused = std::move(failed);
    if (refused) return send(connection, *refused);
  }
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
  if (!route.is_slow) return send(connection, guarded_answer([&] { return route.handle(parsed.request); }));
  const std::scoped_lock lock(jobs_mutex_);
  if (jobs_.size() >= options_.waiting_max) return send(connection, problem(503, "too many ask at once"));
  if (!has_worker()) return send(connection, problem(503, "no thread is left to answer"));
  jobs_.push_back({connection.id, &route, std::move(parsed.request)});
  connection.is_busy = true;
  connection.until = SteadyTime::max();
  jobs_changed_.notify_one();
}

/// One that is idle, or another one: none is started before it is needed. Under the lock of the jobs.
bool HttpServer::Loop::has_worker() {
  try {
    if (idle_ == 0 && workers_.size() < options_.threads) workers_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {  // those that are there go on
  }
  return !workers_.empty();
}

void HttpServer::Loop::begin_stream(Connection& connection, const Route& route, const HttpRequest& request) {
  if (streams_ >= options_.streams_max) return send(connection, problem(503, "too many listen already"));
  auto state = std::make_shared<HttpStream::State>();
  state->mail = mail_;
  state->connection = connection.id;
  state->bytes_max = options_.stream_bytes_max;
  const auto answer = guarded_answer([&] { return route.stream(request, HttpStream(state)); });
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
  if (is_one_line(answer.type)) out.append("\r\nContent-Type: ").append(answer.type);
  if (!is_stream) out.append("\r\nContent-Length: ").append(std::to_string(answer.body.size()));
  bool says_caching = false;
  for (const auto* const headers : {&answer.headers, &options_.headers})
    for (const auto& [name, value] : *headers) {
      says_caching = says_caching || name == "Cache-Control";
      if (is_token(name) && is_one_line(value)) out.append("\r\n").append(name).append(": ").append(value);
    }
  if (!says_caching) out.append("\r\nCache-Control: no-store");
  out.append("\r\nX-Content-Type-Options: nosniff");
  if (!connection.keeps_alive) out.append("\r\nConnection: close");
  out.append("\r\n\r\n");
  if (!connection.is_head) out.append(answer.body);
  connection.until = steady_now() + options_.request_within;
  write_to(connection);
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
    auto answer = guarded_answer([&] { return job.route->handle(job.request); });
    {
      const std::scoped_lock mail(mail_->mutex);
      mail_->answers.emplace_back(job.connection, std::move(answer));
    }
    mail_->post();
    lock.lock();
  }
}

}  // namespace tidings::ops
