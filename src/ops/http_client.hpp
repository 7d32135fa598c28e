#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidings/base/result.hpp"
#include "tidings/base/time.hpp"

namespace tidings::ops {

struct HttpUrl {
  std::string host;
  std::string port;
  std::string path = "/";
};
/// `http://HOST[:PORT][/PATH]`. Errors (never): `invalid_url`, `unsupported` for https.
[[nodiscard]] Result<HttpUrl> parse_http_url(std::string_view url);

struct HttpReply {
  int status = 0;
  std::string headers;
  std::string body;
};
/// One request over a connection of its own. It ends when `until` is over, or `cancel`, a descriptor, can be read.
/// Errors: `unreachable` (same call), `bad_reply` (never).
[[nodiscard]] Result<HttpReply> http_call(const HttpUrl& url, std::string_view method,
                                          const std::vector<std::pair<std::string, std::string>>& headers,
                                          std::string_view body, SteadyTime until, int cancel = -1);

}  // namespace tidings::ops
