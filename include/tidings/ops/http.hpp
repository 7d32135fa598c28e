#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidings/base/result.hpp"
#include "tidings/base/time.hpp"

/// A small HTTP/1.1 server for those who operate a process: GET and HEAD, and POST where bodies are allowed. What it
/// takes of HTTP, and where it refuses, follows https://www.rfc-editor.org/rfc/rfc9112.
namespace tidings::ops {

struct HttpRequest {
  std::string method = "GET";                                ///< or `HEAD`, `POST`
  std::string path;                                          ///< `/metrics`, percent-decoded
  std::string query;                                         ///< behind the `?`, as it came
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body{};                                        ///< of a POST
  std::string peer{};                                        ///< who asks, `127.0.0.1:40312`
  /// The first of that name, which is given in lower case; nothing where there is none. It is a part of this.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

struct HttpAnswer {
  int status = 200;
  std::string body{};
  std::string type = "application/json";                       ///< of the body: `Content-Type`
  std::vector<std::pair<std::string, std::string>> headers{};  ///< beside it; one that has a line end is left out
};

/// An answer that goes on, as server-sent events do. A handle, to be copied; thread-safe. It may outlive the server,
/// and nobody listens then.
class HttpStream {
 public:
  /// To whoever listens; false where nobody does any more. One who does not take it, so that more than
  /// `HttpOptions::stream_bytes_max` wait for him, is cut off. Waits for nobody. True says that it will be sent, and
  /// not that it has come.
  bool send(std::string_view bytes) const;
  /// Whether somebody listens, as far as is known.
  [[nodiscard]] bool is_open() const;
  /// Ends it, once what was sent before has been taken.
  void close() const;

 private:
  friend class HttpServer;
  struct State;
  explicit HttpStream(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

/// What stands between a connection's socket and HTTP, as TLS does. Waits for nobody; for one thread at a time.
class HttpChannel {
 public:
  virtual ~HttpChannel() = default;
  /// As `recv` and `send` do: bytes, 0 at the end, or -1 and errno; EAGAIN where the socket is to be waited for.
  virtual std::ptrdiff_t receive(char* into, std::size_t size) = 0;
  virtual std::ptrdiff_t send(const char* bytes, std::size_t size) = 0;
  /// Something came that is not taken yet, and of which the socket does not tell.
  [[nodiscard]] virtual bool holds_any() const = 0;
  /// `receive` waits until the socket can be written.
  [[nodiscard]] virtual bool waits_to_write() const = 0;
};

struct HttpOptions {
  std::string listen = "127.0.0.1:0";                   ///< `HOST:PORT`, `[::1]:PORT`; port 0: any that is free
  std::size_t connections_max = 512;                    ///< beyond it the one that has been silent longest is closed
  std::size_t streams_max = 256;                        ///< of these; beyond it 503
  Duration request_within = std::chrono::seconds{5};    ///< a request is there, and an answer taken, or it is closed
  Duration idle_max = std::chrono::seconds{75};         ///< between requests
  std::size_t request_bytes_max = 8'192;                ///< of its head
  std::size_t body_bytes_max = 0;                       ///< of a POST; 0: none is answered
  std::size_t stream_bytes_max = std::size_t{1} << 20;  ///< of a stream, that wait to be taken
  std::size_t threads = 2;                              ///< of routes that may wait
  std::size_t waiting_max = 64;                         ///< requests for these; beyond it 503
  Duration drain = std::chrono::milliseconds{500};      ///< `stop` waits so long for answers to be taken
  /// Makes the channel of a connection that was accepted, on the thread of all connections; it does not own the socket,
  /// which outlives it. Null closes the connection. None: HTTP is spoken on the socket itself.
  std::function<std::unique_ptr<HttpChannel>(int socket)> channel{};
  /// Asked before each route, on the thread of all connections, so that it waits for nothing; what it answers is the
  /// answer, and nothing lets the route answer.
  std::function<std::optional<HttpAnswer>(const HttpRequest&)> gate{};
  /// The answer to what no route answers, or cannot, from any thread; none: `{"error":why}`.
  std::function<HttpAnswer(int status, std::string_view why)> problem{};
  /// Of each answer, beside its own; `Cache-Control: no-store` where the answer does not say.
  std::vector<std::pair<std::string, std::string>> headers{};
};

/// All connections are one thread's, which waits for none of them: idle ones, streams and slow clients cost memory and
/// no thread, so that a route that answers at once always does. What a function of its user throws is answered with
/// 500. Routes come before `start`, and `start` and `stop` from one thread; the rest is thread-safe.
class HttpServer {
 public:
  using Handle = std::function<HttpAnswer(const HttpRequest&)>;
  /// Sends the answer's head, and then what is sent on the stream.
  using Stream = std::function<HttpAnswer(const HttpRequest&, HttpStream)>;

  explicit HttpServer(HttpOptions options);
  /// As `stop`.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// A path, and what answers GET and HEAD of it; another one under a path takes its place. Called on the thread of all
  /// connections: it answers at once, and waits for nothing.
  void quick(std::string_view path, Handle handle);
  /// One that may wait, but ends by itself: called on one of `threads`, for which `stop` waits.
  void slow(std::string_view path, Handle handle);
  /// As a slow one, for POST, beside what answers GET of that path. Only where `HttpOptions::body_bytes_max` is not 0.
  void post(std::string_view path, Handle handle);
  /// Called as a quick one; an answer of another status than 200 ends the stream before it began.
  void stream(std::string_view path, Stream handle);

  /// Listens, and answers from then on. Once; after an error it may be called again. A name in `HttpOptions::listen` is
  /// looked up by the system, and waited for; an address is not.
  ///
  /// Errors: `invalid_address` (never): no HOST:PORT, or a name that is not found; `permission_denied` (never): a port
  /// that this user may not have; `address_in_use`, `address_unavailable`, `too_many_files` (same call): no descriptor,
  /// or no thread, is left.
  Result<> start();
  /// Takes nothing any more, ends streams, and waits for answers that are on their way, `HttpOptions::drain` at most,
  /// and for slow routes that run, however long. A second time it does nothing.
  void stop();

  /// Where it listens, `127.0.0.1:9464`; empty before `start`. It stays after `stop`.
  [[nodiscard]] std::string address() const;
  /// Its port; 0 before `start`.
  [[nodiscard]] std::uint16_t port() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace tidings::ops
