#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidings/base/result.hpp"
#include "tidings/ops/http.hpp"

namespace tidings::cli {

struct AccessOptions {
  std::string listen_host;  ///< as `--listen` names it
  std::string token;        ///< empty: none is asked for
  bool is_tls = false;
  bool allows_actions = false;
};

/// Who may ask what: looks at each request before anything else does. Not more than the request is known to it, so that
/// it is easily tested. Thread-safe.
///
/// The names in `Host` that are answered to are those of the loopback and the one of `--listen`; where that is 0.0.0.0
/// or [::], any address, and the machine's name: another one is that of a site which has its name point here (DNS
/// rebinding).
class Access {
 public:
  explicit Access(AccessOptions options);

  /// Why the request is refused; none: it is not.
  [[nodiscard]] std::optional<ops::HttpAnswer> refusal(const ops::HttpRequest& request) const;
  /// Answers `POST /login`, a form's `token=…`: back to the page, with a cookie, or with `?denied=1`.
  [[nodiscard]] ops::HttpAnswer log_in(const ops::HttpRequest& request) const;

 private:
  [[nodiscard]] bool knows_host(const std::string& host) const;
  [[nodiscard]] bool has_token(const ops::HttpRequest& request) const;
  const AccessOptions options_;
  std::string machine_;
};

/// `HOST` of `HOST:PORT`, in lower case and without brackets.
[[nodiscard]] std::string host_of(std::string_view authority);
[[nodiscard]] bool is_loopback_host(const std::string& host);

/// `{"error":{"code":…,"message":…}}`.
[[nodiscard]] ops::HttpAnswer error_answer(int status, std::string_view code, std::string_view message);
/// The headers of every answer: nothing from elsewhere, nothing inline, nothing framed.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> safe_headers(bool is_tls);

/// Whether they are the same, in a time that does not tell where they differ.
[[nodiscard]] bool are_same_secret(std::string_view a, std::string_view b);
/// The first line of the file. Errors: `io_error`, `insecure_token` (never): others may read it, or it has less than 16
/// characters, or such as do not stand in a header.
[[nodiscard]] Result<std::string> read_token(const std::string& path);

/// `a=1&a=2&b=x%20y`, decoded.
class Query {
 public:
  explicit Query(std::string_view text);
  [[nodiscard]] std::string get(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace tidings::cli
