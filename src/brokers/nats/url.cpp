#include "brokers/nats/url.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "tidings/base/percent.hpp"
#include "tidings/base/redact.hpp"
#include "tidings/base/text.hpp"
#include "tidings/base/url_parts.hpp"

namespace tidings::brokers::nats {

namespace {

Error refuse(std::string_view url, const std::string& why) {
  return {"invalid_url", "'" + printable(redacted(url)) + "': " + why +
                             "; write nats://HOST:PORT,HOST2:PORT?NAME=VALUE, as docs/brokers.md tells"};
}

struct Parsing {
  std::string_view text;
  Url url{};
  bool has_password_file = false;

  Result<> user_info(std::string_view info) {
    const auto colon = info.find(':');
    auto first = percent_decoded_strictly(info.substr(0, colon));
    auto second = percent_decoded_strictly(colon == info.npos ? "" : info.substr(colon + 1));
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
    auto line = read_secret(path);
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
    if (name == "password_file") {
      if (!url.password.empty()) return refuse(text, "a password stands in the URL or in a file");
      has_password_file = true;
      return secret(url.password, value);
    }
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
      const auto value = percent_decoded_strictly(one.substr(std::min(one.size(), name.size() + 1)));
      if (!value) return refuse(text, "the value of " + printable(name) + " has % without two digits");
      if (auto known = option(name, *value); !known) return known;
    }
    return {};
  }

  Result<> check() {
    // What stands alone before the @ is a token, but where a password is in a file.
    if (has_password_file && url.user.empty()) url.user = std::exchange(url.token, {});
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
  constexpr std::uint16_t port_default = 4222;
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
    auto server = with_port(one, port_default);
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
