#include "dashboard/access.hpp"

#include <arpa/inet.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "json_line.hpp"
#include "tidings/base/percent.hpp"
#include "tidings/base/text.hpp"
#include "tidings/base/url_parts.hpp"

namespace tidings::cli {
namespace {

constexpr std::string_view cookie_name = "tidings_token";
constexpr std::size_t token_bytes_min = 16, token_bytes_max = 512;

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_address(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

bool is_any_address(std::string_view host) {
  return host == "0.0.0.0" || host == "::";
}

bool is_token_sign(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

/// How often a header stands there: what decides who is let in must not be ambiguous.
std::ptrdiff_t count_of(const ops::HttpRequest& request, std::string_view name) {
  return std::ranges::count(request.headers, name, [](const auto& one) { return std::string_view(one.first); });
}

bool is_api(std::string_view path) {
  return path.starts_with("/api/");
}

}  // namespace

std::string host_of(std::string_view authority) {
  const bool is_bracketed = authority.starts_with('[');
  const auto end = is_bracketed ? authority.find(']') : std::min(authority.find(':'), authority.size());
  if (end == authority.npos) return {};
  const auto host = is_bracketed ? authority.substr(1, end - 1) : authority.substr(0, end);
  const auto behind = authority.substr(is_bracketed ? end + 1 : end);
  if (!behind.empty() && (behind.front() != ':' || behind.find_first_not_of("0123456789", 1) != behind.npos)) return {};
  return lower(host);
}

bool is_loopback_host(const std::string& host) {
  return is_loopback(host.find(':') == host.npos ? host + ":1" : "[" + host + "]:1");
}

Access::Access(AccessOptions options) : options_(std::move(options)) {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) == 0) machine_ = lower(name);
}

bool Access::knows_host(const std::string& host) const {
  if (is_loopback_host(host)) return true;
  const auto listen = lower(options_.listen_host);
  if (host == listen) return true;
  return is_any_address(listen) && (is_address(host) || host == machine_);
}

bool Access::has_token(const ops::HttpRequest& request) const {
  if (options_.token.empty()) return true;
  if (const auto given = request.header("authorization"); given && given->starts_with("Bearer "))
    return are_same_secret(given->substr(7), options_.token);
  const auto cookies = request.header("cookie");
  if (!cookies) return false;
  for (auto rest = *cookies; !rest.empty();) {
    const auto end = std::min(rest.find(';'), rest.size());
    auto one = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    one.remove_prefix(std::min(one.find_first_not_of(' '), one.size()));
    if (one.starts_with(cookie_name) && one.size() > cookie_name.size() && one[cookie_name.size()] == '=')
      return are_same_secret(one.substr(cookie_name.size() + 1), options_.token);
  }
  return false;
}

std::optional<ops::HttpAnswer> Access::refusal(const ops::HttpRequest& request) const {
  const auto host = request.header("host");
  if (!host || count_of(request, "host") != 1 || !knows_host(host_of(*host)))
    return error_answer(421, "wrong_host",
                        "this dashboard answers to the name it listens on, and to localhost; open it by that, or name "
                        "another with --listen");
  const bool is_post = request.method == "POST";
  const bool is_login = request.path == "/login";
  const auto site = request.header("sec-fetch-site");
  const auto origin = request.header("origin");
  const bool is_page = !is_api(request.path) && !is_post;
  // A link from elsewhere may open the page; nothing else may come from another site.
  const bool is_visit = is_page && request.header("sec-fetch-mode").value_or("navigate") == "navigate";
  const bool is_foreign = (site && *site != "same-origin" && (*site != "none" || is_post)) ||
                          (origin && lower(*origin) != (options_.is_tls ? "https://" : "http://") + lower(*host));
  if (is_foreign && !is_visit)
    return error_answer(403, "cross_site", "another site asks for this; open the dashboard itself");
  if (is_page || is_login) return std::nullopt;
  if (!has_token(request)) {
    auto answer = error_answer(401, "unauthorized", "this dashboard asks for a token: that of its --token file");
    answer.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"tidings\"");
    return answer;
  }
  if (!is_post) return std::nullopt;
  const auto type = lower(request.header("content-type").value_or(""));
  if (type.substr(0, type.find(';')) != "application/json" || request.header("x-tidings-action") != "1")
    return error_answer(403, "cross_site",
                        "an action is asked for with Content-Type: application/json and X-Tidings-Action: 1");
  if (!options_.allows_actions)
    return error_answer(403, "read_only", "this dashboard only looks; start it with --allow-actions to have it act");
  return std::nullopt;
}

ops::HttpAnswer Access::log_in(const ops::HttpRequest& request) const {
  const auto given = Query(request.body).get("token");
  if (options_.token.empty() || are_same_secret(given, options_.token)) {
    ops::HttpAnswer answer{
        .status = 303, .body = {}, .type = "text/plain; charset=utf-8", .headers = {{"Location", "./"}}};
    if (!options_.token.empty())
      answer.headers.emplace_back("Set-Cookie", std::string(cookie_name) + "=" + options_.token +
                                                    "; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200" +
                                                    (options_.is_tls ? "; Secure" : ""));
    return answer;
  }
  // The page says that it was the wrong one.
  return {.status = 303, .body = {}, .type = "text/plain; charset=utf-8", .headers = {{"Location", "./?denied=1"}}};
}

ops::HttpAnswer error_answer(int status, std::string_view code, std::string_view message) {
  return {.status = status,
          .body = JsonLine().raw("error", JsonLine().add("code", code).add("message", printable(message)).str()).str()};
}

std::vector<std::pair<std::string, std::string>> safe_headers(bool is_tls) {
  std::vector<std::pair<std::string, std::string>> headers{
      {"Content-Security-Policy",
       "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src "
       "'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
       "require-trusted-types-for 'script'"},
      {"Referrer-Policy", "same-origin"},
      {"X-Frame-Options", "DENY"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"}};
  if (is_tls) headers.emplace_back("Strict-Transport-Security", "max-age=31536000");
  return headers;
}

bool are_same_secret(std::string_view a, std::string_view b) {
  volatile unsigned char differs = a.size() == b.size() ? 0 : 1;
  // As long as what was given, whatever the secret is.
  for (std::size_t i = 0; i < a.size(); ++i)
    differs = static_cast<unsigned char>(
        differs | (static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b.empty() ? 0 : b[i % b.size()])));
  return differs == 0 && !b.empty();
}

Result<std::string> read_token(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return Error{"insecure_token", "others may read or write the token file " + path + "; do: chmod 600 " + path};
  auto secret = read_secret(path);
  if (!secret) return secret.error();
  auto& token = *secret;
  if (token.size() < token_bytes_min || token.size() > token_bytes_max || !std::ranges::all_of(token, is_token_sign))
    return Error{"insecure_token", "the token in " + path +
                                       " is to have 16 to 512 characters, of letters, digits and " +
                                       "-._~+/=; make one with: (umask 077; openssl rand -hex 32 >" + path + ")"};
  return secret;
}

Query::Query(std::string_view text) {
  constexpr std::size_t fields_max = 1'000;
  while (!text.empty() && fields_.size() < fields_max) {
    const auto end = std::min(text.find('&'), text.size());
    const auto one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto equals = std::min(one.find('='), one.size());
    const auto decoded = [](std::string_view part) {
      std::string spaced(part);
      std::ranges::replace(spaced, '+', ' ');
      return percent_decoded(spaced);
    };
    fields_.emplace_back(decoded(one.substr(0, equals)), decoded(one.substr(std::min(equals + 1, one.size()))));
  }
}

std::string Query::get(std::string_view name) const {
  const auto at = std::ranges::find_if(fields_, [&](const auto& one) { return one.first == name; });
  return at == fields_.end() ? std::string() : at->second;
}

std::vector<std::string> Query::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [known, value] : fields_)
    if (known == name && !value.empty()) out.push_back(value);
  return out;
}

}  // namespace tidings::cli
