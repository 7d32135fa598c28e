// What other threads have for the one of all connections: answers of slow routes, and what is sent on streams.
#include <sys/eventfd.h>
#include <unistd.h>

#include "ops/http_loop.hpp"
#include "tidings/base/steady.hpp"

namespace tidings::ops {

HttpMail::HttpMail() : wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void HttpMail::post() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake.get(), &one, sizeof one);
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
    if (!found->second.has_turn) answer_next(found->second);
  }
  for (const auto id : streams) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) continue;
    if (found->second.stream) take_stream(found->second);
  }
}

void HttpServer::Loop::take_stream(Connection& connection) {
  {
    const std::scoped_lock lock(connection.stream->mutex);
    auto& stream = *connection.stream;
    stream.told = false;
    if (connection.written == connection.out.size()) connection.until = steady_now() + options_.request_within;
    connection.out.erase(0, std::exchange(connection.written, 0));
    connection.out += std::exchange(stream.waiting, {});
    stream.unsent = connection.out.size();
  }
  write_to(connection);
}

}  // namespace tidings::ops
