#include "tidings/ops/http.hpp"

#include "ops/http_loop.hpp"

namespace tidings::ops {

bool HttpStream::send(std::string_view bytes) const {
  {
    const std::scoped_lock lock(state_->mutex);
    if (!state_->open) return false;
    state_->unsent += bytes.size();
    if (state_->unsent > state_->bytes_max) {
      state_->open = false;
      state_->waiting.clear();
    } else {
      state_->waiting += bytes;
    }
    if (std::exchange(state_->told, true)) return state_->open;
  }
  {
    const std::scoped_lock lock(state_->mail->mutex);
    state_->mail->streams.push_back(state_->connection);
  }
  state_->mail->post();
  return is_open();
}

bool HttpStream::is_open() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->open;
}

void HttpStream::close() const {
  {
    const std::scoped_lock lock(state_->mutex);
    if (!std::exchange(state_->open, false) || std::exchange(state_->told, true)) return;
  }
  {
    const std::scoped_lock lock(state_->mail->mutex);
    state_->mail->streams.push_back(state_->connection);
  }
  state_->mail->post();
}

HttpServer::HttpServer(HttpOptions options) : loop_(std::make_unique<Loop>(std::move(options))) {}
HttpServer::~HttpServer() = default;

void HttpServer::quick(std::string_view path, Handle handle) {
  loop_->add(path, {.handle = std::move(handle), .stream = {}});
}
void HttpServer::slow(std::string_view path, Handle handle) {
  loop_->add(path, {.handle = std::move(handle), .stream = {}, .is_slow = true});
}
void HttpServer::post(std::string_view path, Handle handle) {
  loop_->add_post(path, {.handle = std::move(handle), .stream = {}, .is_slow = true});
}
void HttpServer::stream(std::string_view path, Stream handle) {
  loop_->add(path, {.handle = {}, .stream = std::move(handle)});
}
Result<> HttpServer::start() {
  return loop_->start();
}
void HttpServer::stop() {
  loop_->stop();
}
std::string HttpServer::address() const {
  return loop_->address();
}
std::uint16_t HttpServer::port() const {
  return loop_->port();
}

}  // namespace tidings::ops
