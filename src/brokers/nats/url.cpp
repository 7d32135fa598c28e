#include "brokers/nats/url.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>

#include "tidings/base/text.hpp"
#include "tidings/broker/redact.hpp"

namespace tidings::brokers::nats {

namespace {

Error refuse(std::string_view url, const std::string& why) {
  return {"invalid_url", "'" + printable(redacted(url)) + "': " + why +
                             "; write nats://HOST:PORT,HOST2:PORT?NAME=VALUE, as docs/brokers.md tells"};
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t index = 0; index < text.size(); ++index) {
    if (text[index] != '%') {
      out += text[index];
      continue;
    }
    unsigned byte = 0;
    if (index + 3 > text.size()) return std::nullopt;
    const auto* digits = text.data() + index + 1;
    const auto [end, error] = std::from_chars(digits, digits + 2, byte, 16);
    if (error != std::errc{} || end != digits + 2 || byte == 0) return std::nullopt;
    out += static_cast<char>(byte);
    index += 2;
  }
  return out;
}

Result<std::string> first_line_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string line;
  if (!file || !std::getline(file, line))
    return Error{"io_error", "cannot read a secret from " + printable(path) + "; its first line is taken"};
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

bool is_loopback(std::string_view server) {
  const auto host = server.substr(0, server.rfind(':'));
  if (host == "localhost" || host == "[::1]") return true;
  return host.starts_with("127.") &&
         std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

/// `HOST[:PORT]` with its port.
std::optional<std::string> with_port(std::string_view server) {
  const auto bracket = server.rfind(']');
  const auto colon = server.rfind(':');
  const bool has_port = colon != server.npos && (bracket == server.npos || colon > bracket);
  const auto host = has_port ? server.substr(0, colon) : server;
  if (host.empty() || host.find_first_of(" /\\@\"'<>") != host.npos) return std::nullopt;
  if (host.starts_with('[') != host.ends_with(']') || (!host.starts_with('[') && host.find(':') != host.npos))
    return std::nullopt;
  if (!has_port) return std::string(host) + ":4222";
  std::uint16_t port = 0;
  const auto digits = server.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0) return std::nullopt;
  return std::string(server);
}

struct Parsing {
  std::string_view text;
  Url url{};

  Result<> user_info(std::string_view info) {
    const auto colon = info.find(':');
    auto first = percent_decoded(info.substr(0, colon));
    auto second = percent_decoded(colon == info.npos ? "" : info.substr(colon + 1));
    if (!first || !second || first->empty())
      return refuse(text, "user, password and token have %NN for what is no plain sign");
    (colon == info.npos ? url.token : url.user) = *first;
    url.password = *second;
    return {};
  }

  Result<> boolean(bool& into, std::string_view name, const std::string& value) {
    if (value != "true" && value != "false") return refuse(text, std::string(name) + " is true or false");
    into = value == "true";
    return {};
  }

  Result<> duration(Duration& into, std::string_view name, const std::string& value, Duration least, Duration most) {
    const auto read = parse_duration(value);
    if (!read || *read < least || *read > most)
      return refuse(text, std::string(name) + " is from " + to_text(least) + " to " + to_text(most));
    into = *read;
    return {};
  }

  Result<> secret(std::string& into, const std::string& path) {
    auto line = first_line_of(path);
    if (!line) return line.error();
    into = std::move(*line);
    return {};
  }

  Result<> option(std::string_view name, const std::string& value) {
    using namespace std::chrono_literals;
    if (name == "tls") return boolean(url.tls, name, value);
    if (name == "verify") return boolean(url.verify, name, value);
    if (name == "allow_plaintext") return boolean(url.allow_plaintext, name, value);
    if (name == "lease") return duration(url.lease, name, value, 500ms, 10min);
    if (name == "duplicate_window") return duration(url.duplicate_window, name, value, 100ms, 24h);
    if (name == "password_file") return secret(url.password, value);
    if (name == "token_file") return secret(url.token, value);
    if (name == "bytes_max") {
      const auto bytes = parse_bytes(value);
      if (!bytes || *bytes == 0 || *bytes > std::uint64_t{1} << 62)
        return refuse(text, "bytes_max is a number of bytes");
      url.bytes_max = *bytes;
      return {};
    }
    if (name == "replicas") {
      if (value != "1" && value != "3" && value != "5") return refuse(text, "replicas is 1, 3 or 5");
      url.replicas = value[0] - '0';
      return {};
    }
    auto* file = name == "ca"               ? &url.ca_file
                 : name == "cert"           ? &url.certificate_file
                 : name == "key"            ? &url.key_file
                 : name == "nkey"           ? &url.nkey
                 : name == "nkey_seed_file" ? &url.seed_file
                 : name == "creds"          ? &url.creds_file
                                            : nullptr;
    if (file == nullptr) return refuse(text, "'" + printable(name) + "' is no parameter");
    if (value.empty()) return refuse(text, std::string(name) + " is empty");
    *file = value;
    return {};
  }

  Result<> options(std::string_view rest) {
    while (!rest.empty()) {
      const auto one = rest.substr(0, rest.find('&'));
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
      const auto name = one.substr(0, one.find('='));
      const auto value = percent_decoded(one.substr(std::min(one.size(), name.size() + 1)));
      if (!value) return refuse(text, "the value of " + printable(name) + " has % without two digits");
      if (auto known = option(name, *value); !known) return known;
    }
    return {};
  }

  Result<> check() {
    const bool has_files = !url.ca_file.empty() || !url.certificate_file.empty() || !url.key_file.empty();
    if (has_files && !url.tls) return refuse(text, "ca, cert and key need tls=true");
    if (url.certificate_file.empty() != url.key_file.empty()) return refuse(text, "cert and key go together");
    if (url.nkey.empty() != url.seed_file.empty()) return refuse(text, "nkey and nkey_seed_file go together");
    const int ways =
        int{!url.user.empty()} + int{!url.token.empty()} + int{!url.nkey.empty()} + int{!url.creds_file.empty()};
    if (ways > 1) return refuse(text, "one of user, token, nkey and creds says who this is");
    if (!url.password.empty() && url.user.empty()) return refuse(text, "a password needs its user");
    const bool sends_secret = !url.user.empty() || !url.token.empty();
    if (sends_secret && !url.tls && !url.allow_plaintext && !std::ranges::all_of(url.servers, is_loopback))
      return Error{"insecure_credentials",
                   url.shown +
                       ": a password or token would go over the network unencrypted; add tls=true, "
                       "or allow_plaintext=true where the network is trusted"};
    return {};
  }
};

}  // namespace

Result<Url> parse_url(std::string_view text) {
  constexpr std::string_view scheme = "nats://";
  if (!text.starts_with(scheme)) return refuse(text, "it begins with nats://");
  Parsing parsing{.text = text};
  auto rest = text.substr(scheme.size());
  // An @ in a password is %40, so the first one ends it; a parameter's value may hold some.
  const auto mark = rest.find('?');
  auto hosts = rest.substr(0, mark);
  if (const auto at = hosts.find('@'); at != hosts.npos) {
    if (auto read = parsing.user_info(hosts.substr(0, at)); !read) return read.error();
    hosts.remove_prefix(at + 1);
  }
  if (hosts.ends_with('/')) hosts.remove_suffix(1);
  while (true) {
    const auto one = hosts.substr(0, hosts.find(','));
    auto server = with_port(one);
    if (!server)
      return refuse(text, "a server is HOST or HOST:PORT, and % signs stand for what is special in a password");
    parsing.url.servers.push_back(std::move(*server));
    if (one.size() == hosts.size()) break;
    hosts.remove_prefix(one.size() + 1);
  }
  parsing.url.shown = printable(redacted(text));
  if (mark != rest.npos)
    if (auto read = parsing.options(rest.substr(mark + 1)); !read) return read.error();
  if (auto fine = parsing.check(); !fine) return fine.error();
  return std::move(parsing.url);
}

}  // namespace tidings::brokers::nats
