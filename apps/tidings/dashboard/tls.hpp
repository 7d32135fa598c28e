#pragma once

#include <functional>
#include <memory>
#include <string>

#include "tidings/base/result.hpp"
#include "tidings/ops/http.hpp"

namespace tidings::cli {

/// Makes TLS channels (1.2 and later) of connections, by a certificate (with its chain) and its key, both PEM. Errors:
/// `tls_failed` (never): a file cannot be read, or they do not belong together; `unsupported` (never): this program was
/// built without OpenSSL.
[[nodiscard]] Result<std::function<std::unique_ptr<ops::HttpChannel>(int socket)>> tls_channels(
    const std::string& certificate_file, const std::string& key_file);

}  // namespace tidings::cli
