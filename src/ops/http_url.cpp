#include "ops/http_url.hpp"

#include <algorithm>

#include "ops/socket.hpp"
#include "tidings/base/text.hpp"

namespace tidings::ops {

Result<HttpUrl> parse_http_url(std::string_view url) {
  constexpr std::string_view plain = "http://", secure = "https://";
  const auto wrong = Error{"invalid_url", "'" + printable(url) + "' is no http://HOST:PORT[/PATH], or https://"};
  HttpUrl parsed{.is_secure = url.starts_with(secure)};
  if (!parsed.is_secure && !url.starts_with(plain)) return wrong;
  url.remove_prefix(parsed.is_secure ? secure.size() : plain.size());
  if (std::ranges::any_of(url, [](char c) { return c <= ' ' || c > '~'; })) return wrong;
  const auto slash = url.find('/');
  if (slash != url.npos) parsed.path = url.substr(slash);
  auto server = std::string(url.substr(0, slash));
  if (server.find_first_of("@?#") != server.npos || parsed.path.contains('#')) return wrong;
  const auto bracket = server.rfind(']');
  if (server.find(':', bracket == server.npos ? 0 : bracket) == server.npos)
    server += parsed.is_secure ? ":443" : ":80";
  auto place = parse_host_port(server);
  if (!place) return wrong;
  parsed.host = std::move(place->host);
  parsed.port = std::move(place->port);
  return parsed;
}

}  // namespace tidings::ops
