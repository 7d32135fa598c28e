#pragma once

#include <string>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings::ops {

struct HttpUrl {
  std::string host;
  std::string port;
  std::string path = "/";
  bool is_secure = false;  ///< https
};
/// `http://HOST[:PORT][/PATH]`, or `https://`; the ports are 80 and 443. Error (never): `invalid_url`.
[[nodiscard]] Result<HttpUrl> parse_http_url(std::string_view url);

}  // namespace tidings::ops
