#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ops/http_url.hpp"
#include "ops/lookup.hpp"
#include "ops/tls.hpp"
#include "tidings/base/result.hpp"
#include "tidings/base/time.hpp"

namespace tidings::ops {

struct HttpReply {
  int status = 0;
  std::string headers;
  std::string body;
};

/// Asks one server, over a connection for each request. For one thread at a time.
class HttpClient {
 public:
  struct Options {
    std::string authorities_file{};  ///< whom https trusts, PEM; empty: whom the system does
    Lookup::Ask lookup = Lookup::ask_system();
  };
  using Headers = std::vector<std::pair<std::string, std::string>>;

  /// Errors: as `TlsTrust::of`, where the URL is https.
  [[nodiscard]] static Result<HttpClient> make(HttpUrl url, Options options);
  [[nodiscard]] static Result<HttpClient> make(HttpUrl url) { return make(std::move(url), Options{}); }

  /// One request, and its whole answer, 16 MiB at most. It ends when `until` is over, or `cancel`, a descriptor, can be
  /// read, whatever it waits for. `headers` are sent as they are. Errors: `unreachable` (same call), `untrusted` (same
  /// call, once somebody has mended the certificate), `bad_reply` (never).
  [[nodiscard]] Result<HttpReply> call(std::string_view method, const Headers& headers, std::string_view body,
                                       SteadyTime until, int cancel = -1);

 private:
  struct Connection;
  HttpClient(HttpUrl url, std::optional<TlsTrust> trust, Lookup::Ask ask);
  Result<Connection> connect(SteadyTime until, int cancel);
  [[nodiscard]] std::string head_of(std::string_view method, const Headers& headers, std::size_t body_bytes) const;
  [[nodiscard]] Error unreachable(std::string_view why) const;

  HttpUrl url_;
  std::optional<TlsTrust> trust_;
  Lookup lookup_;
};

/// A client's one call.
[[nodiscard]] Result<HttpReply> http_call(const HttpUrl& url, std::string_view method,
                                          const HttpClient::Headers& headers, std::string_view body, SteadyTime until,
                                          int cancel = -1);

}  // namespace tidings::ops
