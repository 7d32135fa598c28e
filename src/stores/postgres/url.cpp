#include "stores/postgres/url.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "tidings/base/percent.hpp"
#include "tidings/base/redact.hpp"
#include "tidings/base/text.hpp"
#include "tidings/base/url_parts.hpp"

namespace tidings::stores::postgres {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view scheme = "postgres://";
constexpr std::uint16_t port_default = 5432;

/// Those of libpq that change neither where the password goes nor what values look like:
/// https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-PARAMKEYWORDS.
constexpr std::array<std::string_view, 25> passed_on{"sslmode",
                                                     "sslrootcert",
                                                     "sslcert",
                                                     "sslkey",
                                                     "sslpassword",
                                                     "sslcrl",
                                                     "sslcrldir",
                                                     "sslsni",
                                                     "ssl_min_protocol_version",
                                                     "ssl_max_protocol_version",
                                                     "channel_binding",
                                                     "requirepeer",
                                                     "krbsrvname",
                                                     "gsslib",
                                                     "gssencmode",
                                                     "passfile",
                                                     "application_name",
                                                     "options",
                                                     "target_session_attrs",
                                                     "keepalives",
                                                     "keepalives_idle",
                                                     "keepalives_interval",
                                                     "keepalives_count",
                                                     "tcp_user_timeout",
                                                     "fallback_application_name"};
constexpr std::array<std::string_view, 5> own{"allow_plaintext", "answer_within", "connect_within", "isolation",
                                              "password_file"};

Error refuse(std::string_view url, const std::string& why) {
  return {"invalid_url", "'" + printable(redacted(url)) + "': " + why +
                             "; write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with ,HOST:PORT for more servers to "
                             "try, and ?OPTION=VALUE&… behind them"};
}

Error wrong(std::string why) {
  return {"invalid_url", std::move(why)};
}

/// What is said beside that, on the way.
struct Reading {
  Url url;
  bool allows_plaintext = false;
};

Result<> read_servers(Url& url, std::string_view servers) {
  while (true) {
    const auto one = servers.substr(0, servers.find(','));
    if (const auto folder = percent_decoded_strictly(one); folder && folder->starts_with('/')) {
      url.servers.push_back({*folder, ""});
    } else if (one.empty() && servers.empty()) {
      const auto* const elsewhere = std::getenv("PGHOST");  // where libpq would go then
      url.servers.push_back({elsewhere != nullptr ? elsewhere : "", ""});
    } else {
      const auto server = with_port(one, port_default);
      if (!server)
        return wrong("'" + printable(one) +
                     "' is no HOST or HOST:PORT, and a folder of a socket is written %2Frun%2F…");
      const auto colon = server->rfind(':');
      auto host = server->substr(0, colon);
      if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
      url.servers.push_back({host, server->substr(colon + 1)});
    }
    if (one.size() == servers.size()) return {};
    servers.remove_prefix(one.size() + 1);
  }
}

Result<> read_time(Duration& into, std::string_view name, const std::string& value) {
  const auto read = parse_duration(value);
  if (!read || *read < 1ms || *read > 24h * 365) return wrong(std::string(name) + " is a time, as 30s");
  into = *read;
  return {};
}

Result<> read_own(Reading& reading, std::string_view name, const std::string& value) {
  auto& url = reading.url;
  if (name == "connect_within") return read_time(url.connect_within, name, value);
  if (name == "answer_within") return read_time(url.answer_within, name, value);
  if (name == "allow_plaintext") {
    if (value != "true" && value != "false") return wrong("allow_plaintext is true or false");
    reading.allows_plaintext = value == "true";
  } else if (name == "isolation") {
    constexpr std::array<std::string_view, 3> levels{"read-committed", "repeatable-read", "serializable"};
    const auto found = std::ranges::find(levels, value);
    if (found == levels.end()) return wrong("isolation is read-committed, repeatable-read or serializable");
    url.isolation = static_cast<Isolation>(found - levels.begin());
  } else {
    if (!url.password.empty()) return wrong("a password stands in the URL or in a file");
    auto secret = read_secret(value);
    if (!secret) return secret.error();
    url.password = std::move(*secret);
  }
  return {};
}

Result<> read_option(Reading& reading, std::string_view name, const std::string& value) {
  if (std::ranges::find(own, name) != own.end()) return read_own(reading, name, value);
  if (std::ranges::find(passed_on, name) != passed_on.end()) {
    reading.url.options.emplace_back(name, value);
    return {};
  }
  if (name == "host" && value.starts_with('/')) {  // as libpq has it, too: a folder has no place before the path
    if (reading.url.servers.size() != 1 || !reading.url.servers[0].host.empty())
      return wrong("a host stands before the database, or the folder of its socket behind it");
    reading.url.servers[0].host = value;
    return {};
  }
  std::vector<std::string> known(passed_on.begin(), passed_on.end());
  known.insert(known.end(), own.begin(), own.end());
  const auto meant = nearest(name, known);
  return wrong("'" + printable(name) + "' is no option" +
               (meant.empty() ? ": there are allow_plaintext, password_file, isolation, connect_within, answer_within, "
                                "and libpq's, such as sslmode"
                              : ", is " + std::string(meant) + " meant?"));
}

Result<> read_who(Url& url, std::string_view who) {
  const auto colon = who.find(':');
  auto user = percent_decoded_strictly(who.substr(0, colon));
  auto password = percent_decoded_strictly(colon == who.npos ? std::string_view{} : who.substr(colon + 1));
  if (!user || !password) return wrong("a % stands before two hexadecimal digits, also in a user or a password");
  if (user->empty()) return wrong("a user stands before the @");
  url.user = std::move(*user);
  url.password = std::move(*password);
  return {};
}

/// libpq falls back to a link that anybody on the way can read and, since a server chooses how a password is told, be
/// asked for it on. Where none stands here there may be one in a file of libpq's.
Result<> check_secrets(const Reading& reading) {
  std::string_view mode;
  for (const auto& [name, value] : reading.url.options)
    if (name == "sslmode") mode = value;
  if (reading.allows_plaintext || mode == "require" || mode == "verify-ca" || mode == "verify-full") return {};
  for (const auto& server : reading.url.servers) {
    if (server.host.empty() || server.host.starts_with('/')) continue;
    const auto written = server.host.find(':') == std::string::npos ? server.host : "[" + server.host + "]";
    if (!is_loopback(written + ":" + server.port))
      return Error{"insecure_credentials",
                   "a password and all data could go readable to " + printable(server.host) +
                       "; say ?sslmode=verify-full (or require), or ?allow_plaintext=true for a network that is safe"};
  }
  return {};
}

Result<> read_all(Reading& reading, std::string_view text) {
  if (!text.starts_with(scheme)) return wrong("it begins with " + std::string(scheme));
  const auto rest = text.substr(scheme.size());
  const auto mark = rest.find('?');
  auto options = mark == rest.npos ? std::string_view{} : rest.substr(mark + 1);
  auto place = rest.substr(0, mark);
  // Else a part of the password would be told below.
  const auto slash = place.find('/');
  const auto at = place.rfind('@');
  if ((at == place.npos && options.find('@') != options.npos) || (at != place.npos && slash < at))
    return wrong("in a user or a password, and in options, ? is written %3F, / is %2F, and @ is %40");
  if (at != place.npos) {
    if (auto read = read_who(reading.url, place.substr(0, at)); !read) return read;
    place.remove_prefix(at + 1);
  }
  const auto servers = place.substr(0, place.find('/'));
  auto database = percent_decoded_strictly(place.substr(std::min(place.size(), servers.size() + 1)));
  if (!database || database->empty()) return wrong("it names no database");
  reading.url.database = std::move(*database);
  if (auto read = read_servers(reading.url, servers); !read) return read;
  while (!options.empty()) {
    const auto option = options.substr(0, options.find('&'));
    options.remove_prefix(std::min(options.size(), option.size() + 1));
    const auto name = option.substr(0, option.find('='));
    auto value = percent_decoded_strictly(option.substr(std::min(option.size(), name.size() + 1)));
    if (!value) return wrong("a % stands before two hexadecimal digits");
    if (auto read = read_option(reading, name, *value); !read) return read;
  }
  return check_secrets(reading);
}

}  // namespace

std::string Url::shown() const {
  std::string text;
  for (const auto& server : servers)
    text += (text.empty() ? "" : ",") + (server.host.empty() ? std::string("localhost") : server.host) +
            (server.port.empty() ? "" : ":" + server.port);
  return printable(text + "/" + database);
}

Result<Url> parse_url(std::string_view text) {
  Reading reading;
  if (auto read = read_all(reading, text); !read)
    return read.error().code == "invalid_url" ? refuse(text, read.error().message) : read.error();
  return std::move(reading.url);
}

}  // namespace tidings::stores::postgres
