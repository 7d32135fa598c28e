#pragma once

#include <string>

#include "testing/servers/temporary_folder.hpp"

namespace tidings::testing {

/// Certificates of a test's own, made by the program `openssl`: `NAME.pem` and `NAME.key` in a folder.
class Certificates {
 public:
  /// With an authority `ca`, and another that nobody trusts, `foreign-ca`. Errors `missing_server` without openssl,
  /// `io_error`.
  static Result<Certificates> make();

  struct Wish {
    std::string hosts = "IP:127.0.0.1,DNS:localhost";  ///< as openssl's subjectAltName
    std::string authority = "ca";
    bool has_expired = false;
  };
  Result<> add(const std::string& name, const Wish& wish) const;
  [[nodiscard]] std::string certificate(const std::string& name) const { return folder_.path() + "/" + name + ".pem"; }
  [[nodiscard]] std::string key(const std::string& name) const { return folder_.path() + "/" + name + ".key"; }

 private:
  explicit Certificates(TemporaryFolder folder) : folder_(std::move(folder)) {}
  [[nodiscard]] Result<> run(const std::string& arguments) const;

  TemporaryFolder folder_;
};

}  // namespace tidings::testing
