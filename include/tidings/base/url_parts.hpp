#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tidings/base/result.hpp"

/// What URLs of servers have in common.
namespace tidings {

/// `HOST:PORT` of `HOST[:PORT]`, where a host may be `[ADDRESS]` of IPv6. None where it is neither.
[[nodiscard]] std::optional<std::string> with_port(std::string_view server, std::uint16_t port_default);
/// Whether `HOST:PORT` is this machine, by its name alone: `localhost`, `127.N.N.N`, `[::1]`.
[[nodiscard]] bool is_loopback(std::string_view server);
/// The first line of a file, a password or a token. Error `io_error`.
[[nodiscard]] Result<std::string> read_secret(const std::string& path);

}  // namespace tidings
