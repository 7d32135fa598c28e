#include "tidings/base/url_parts.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>

#include "tidings/base/text.hpp"

namespace tidings {

std::optional<std::string> with_port(std::string_view server, std::uint16_t port_default) {
  const auto bracket = server.rfind(']');
  const auto colon = server.rfind(':');
  const bool has_port = colon != server.npos && (bracket == server.npos || colon > bracket);
  const auto host = has_port ? server.substr(0, colon) : server;
  if (host.empty() || host.find_first_of(" /\\@\"'<>") != host.npos) return std::nullopt;
  if (host.starts_with('[') != host.ends_with(']') || (!host.starts_with('[') && host.find(':') != host.npos))
    return std::nullopt;
  if (!has_port) return std::string(host) + ":" + std::to_string(port_default);
  std::uint16_t port = 0;
  const auto digits = server.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0) return std::nullopt;
  return std::string(server);
}

bool is_loopback(std::string_view server) {
  const auto host = server.substr(0, server.rfind(':'));
  if (host == "localhost" || host == "[::1]") return true;
  return host.starts_with("127.") &&
         std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

Result<std::string> read_secret(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string line;
  if (!file || !std::getline(file, line))
    return Error{"io_error", "cannot read a secret from " + printable(path) + "; its first line is taken"};
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

}  // namespace tidings
