#include "brokers/kafka/url.hpp"

#include <algorithm>
#include <array>

#include "tidings/base/text.hpp"
#include "tidings/broker/redact.hpp"

namespace tidings::brokers::kafka {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view scheme = "kafka://";
// Kafka's names have up to 249 bytes, ours up to 200.
constexpr std::size_t prefix_bytes_max = 40;

Error refuse(std::string_view url, const std::string& why) {
  return {"invalid_url",
          "'" + printable(redacted(url)) + "': " + why +
              "; write kafka://HOST:PORT, with ,HOST:PORT for more of its servers, USER:PASSWORD@ before them, and "
              "?OPTION=VALUE&… behind them"};
}

/// `%41` is `A`. Error where a percent sign stands before something else.
Result<std::string> unescape(std::string_view text) {
  std::string out;
  const auto digit = [](char c) {
    constexpr std::string_view digits = "0123456789abcdef";
    return digits.find(static_cast<char>(c | 0x20));
  };
  for (std::size_t index = 0; index < text.size(); ++index) {
    if (text[index] != '%') {
      out += text[index];
      continue;
    }
    const auto high = index + 2 < text.size() ? digit(text[index + 1]) : std::string_view::npos;
    const auto low = index + 2 < text.size() ? digit(text[index + 2]) : std::string_view::npos;
    if (high == std::string_view::npos || low == std::string_view::npos)
      return Error{"invalid_url", "a % stands before two hexadecimal digits"};
    out += static_cast<char>(high * 16 + low);
    index += 2;
  }
  if (out.find('\0') != out.npos) return Error{"invalid_url", "a NUL has no place in it"};
  return out;
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

/// `HOST:PORT` of each, checked. Error: what is wrong.
Result<> check_servers(std::string_view servers) {
  if (servers.ends_with(',')) return Error{"invalid_url", "a server stands behind each comma"};
  do {
    const auto one = servers.substr(0, servers.find(','));
    servers.remove_prefix(std::min(servers.size(), one.size() + 1));
    const auto colon = one.rfind(':');
    const auto port = colon == one.npos ? std::string_view{} : one.substr(colon + 1);
    const bool is_number =
        !port.empty() && port.size() <= 5 && std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
    if (colon == 0 || !is_number) return Error{"invalid_url", "'" + printable(one) + "' is no HOST:PORT"};
    if (one.find_first_of("/ \\") != one.npos)
      return Error{"invalid_url", "nothing stands behind the port of '" + printable(one) + "'"};
  } while (!servers.empty());
  return {};
}

Result<bool> yes_or_no(std::string_view name, std::string_view value) {
  if (value == "true" || value == "false") return value == "true";
  return Error{"invalid_url", std::string(name) + " is true or false"};
}

template <class T>
Result<> put(T& where, Result<T> value) {
  if (!value) return value.error();
  where = std::move(*value);
  return {};
}

Result<> read_option(Url& url, std::string_view name, const std::string& value) {
  const auto wrong = [](std::string why) { return Error{"invalid_url", std::move(why)}; };
  if (name == "sasl") {
    constexpr std::array<std::string_view, 3> known{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};
    if (std::ranges::find(known, value) == known.end()) return wrong("sasl is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512");
    url.sasl = value;
  } else if (name == "tls") {
    return put(url.tls, yes_or_no(name, value));
  } else if (name == "ca") {
    url.ca = value;
  } else if (name == "cert") {
    url.cert = value;
  } else if (name == "key") {
    url.key = value;
  } else if (name == "allow_plaintext") {
    return put(url.allow_plaintext, yes_or_no(name, value));
  } else if (name == "partitioner") {
    if (value != "xxh64" && value != "murmur2") return wrong("partitioner is xxh64 or murmur2");
    url.murmur2 = value == "murmur2";
  } else if (name == "prefix") {
    if (value.size() > prefix_bytes_max) return wrong("prefix has at most 40 bytes");
    if (auto valid = validate_name("prefix", value); !valid) return valid.error();
    url.prefix = value;
  } else if (name == "session") {
    auto session = parse_duration(value);
    if (!session || *session < 500ms || *session > 30min) return wrong("session is a time from 500ms to 30min");
    url.session = *session;
  } else if (name == "buffer") {
    auto bytes = parse_bytes(value);
    if (!bytes || *bytes == 0) return wrong("buffer is a size, as 64MiB");
    url.buffer_bytes = *bytes;
  } else {
    return wrong("'" + printable(name) +
                 "' is no option; there are sasl, tls, ca, cert, key, allow_plaintext, partitioner, "
                 "prefix, session and buffer");
  }
  return {};
}

Result<> check_secrets(const Url& url) {
  const auto wrong = [](std::string why) { return Error{"invalid_url", std::move(why)}; };
  if (url.sasl.empty() != url.user.empty())
    return wrong(url.sasl.empty() ? "a user needs ?sasl=PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"
                                  : "sasl needs USER:PASSWORD@");
  if (!url.tls && !(url.ca.empty() && url.cert.empty() && url.key.empty()))
    return wrong("ca, cert and key need ?tls=true");
  if (url.cert.empty() != url.key.empty()) return wrong("cert and key go together");
  if (!url.only_loopback()) return {};
  for (std::string_view rest = url.servers; !rest.empty();) {
    const auto one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (!is_loopback(one.substr(0, one.rfind(':'))))
      return Error{"insecure_credentials", "PLAIN would send the password readable to " + printable(one) +
                                               "; use ?tls=true, a SCRAM mechanism, or say ?allow_plaintext=true"};
  }
  return {};
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  Url url;
  if (!text.starts_with(scheme)) return refuse(text, "it begins with " + std::string(scheme));
  auto rest = text.substr(scheme.size());
  const auto mark = rest.find('?');
  auto options = mark == rest.npos ? std::string_view{} : rest.substr(mark + 1);
  auto place = rest.substr(0, mark);
  if (place.find('@') == place.npos &&
      options.find('@') != options.npos)  // else a part of the password would be told below
    return refuse(text, "in a user or a password, and in options, ? is written %3F, and @ is %40");
  if (const auto at = place.rfind('@'); at != place.npos) {
    const auto who = place.substr(0, at);
    const auto colon = who.find(':');
    auto user = unescape(who.substr(0, colon));
    auto password = unescape(colon == who.npos ? std::string_view{} : who.substr(colon + 1));
    if (!user || !password)
      return refuse(text, (user ? password : user).error().message + ", also in a user or a password");
    if (user->empty() || password->empty()) return refuse(text, "a user and a password stand before the @");
    url.user = std::move(*user);
    url.password = std::move(*password);
    place.remove_prefix(at + 1);
  }
  if (place.ends_with('/')) place.remove_suffix(1);
  if (auto valid = check_servers(place); !valid) return refuse(text, valid.error().message);
  url.servers = place;
  while (!options.empty()) {
    const auto option = options.substr(0, options.find('&'));
    options.remove_prefix(std::min(options.size(), option.size() + 1));
    const auto name = option.substr(0, option.find('='));
    auto value = unescape(option.substr(std::min(option.size(), name.size() + 1)));
    if (!value) return refuse(text, value.error().message);
    if (auto read = read_option(url, name, *value); !read) return refuse(text, read.error().message);
  }
  if (auto valid = check_secrets(url); !valid)
    return valid.error().code == "invalid_url" ? refuse(text, valid.error().message) : valid.error();
  return url;
}

}  // namespace tidings::brokers::kafka
