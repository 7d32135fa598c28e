#include "brokers/kafka/url.hpp"

#include <algorithm>
#include <array>

#include "tidings/base/percent.hpp"
#include "tidings/base/redact.hpp"
#include "tidings/base/text.hpp"
#include "tidings/base/url_parts.hpp"

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

/// `HOST:PORT` of each. Error: what is wrong.
Result<std::string> read_servers(std::string_view servers) {
  constexpr std::uint16_t port_default = 9092;
  std::string all;
  while (true) {
    const auto one = servers.substr(0, servers.find(','));
    auto server = with_port(one, port_default);
    if (!server)
      return Error{"invalid_url", "'" + printable(one) + "' is no HOST or HOST:PORT, with nothing behind the port"};
    all += (all.empty() ? "" : ",") + *server;
    if (one.size() == servers.size()) return all;
    servers.remove_prefix(one.size() + 1);
  }
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
  } else if (name == "password_file") {
    if (!url.password.empty()) return wrong("a password stands in the URL or in a file");
    return put(url.password, read_secret(value));
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
                 "' is no option; there are sasl, password_file, tls, ca, cert, key, allow_plaintext, partitioner, "
                 "prefix, session and buffer");
  }
  return {};
}

Result<> check_secrets(const Url& url) {
  const auto wrong = [](std::string why) { return Error{"invalid_url", std::move(why)}; };
  if (url.user.empty() != url.password.empty())
    return wrong("a user goes with a password, behind him or in ?password_file=");
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
    if (!is_loopback(one))
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
    auto user = percent_decoded_strictly(who.substr(0, colon));
    auto password = percent_decoded_strictly(colon == who.npos ? std::string_view{} : who.substr(colon + 1));
    if (!user || !password)
      return refuse(text, "a % stands before two hexadecimal digits, also in a user or a password");
    if (user->empty()) return refuse(text, "a user stands before the @");
    url.user = std::move(*user);
    url.password = std::move(*password);
    place.remove_prefix(at + 1);
  }
  if (place.ends_with('/')) place.remove_suffix(1);
  auto servers = read_servers(place);
  if (!servers) return refuse(text, servers.error().message);
  url.servers = std::move(*servers);
  while (!options.empty()) {
    const auto option = options.substr(0, options.find('&'));
    options.remove_prefix(std::min(options.size(), option.size() + 1));
    const auto name = option.substr(0, option.find('='));
    auto value = percent_decoded_strictly(option.substr(std::min(option.size(), name.size() + 1)));
    if (!value) return refuse(text, "a % stands before two hexadecimal digits");
    if (auto read = read_option(url, name, *value); !read)
      return read.error().code == "io_error" ? read.error() : refuse(text, read.error().message);
  }
  if (auto valid = check_secrets(url); !valid)
    return valid.error().code == "invalid_url" ? refuse(text, valid.error().message) : valid.error();
  return url;
}

}  // namespace tidings::brokers::kafka
