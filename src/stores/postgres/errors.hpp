#pragma once

#include <libpq-fe.h>

#include <string>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings::stores::postgres {

/// The contract's code of a SQLSTATE, and whether trying again helps. See
/// https://www.postgresql.org/docs/15/errcodes-appendix.html.
struct Kind {
  std::string_view code;
  Retry retry;
};
[[nodiscard]] Kind kind_of(std::string_view sqlstate);

/// What the server said of a statement; `unavailable` where it said nothing since the connection broke.
[[nodiscard]] Error error_of(const PGresult* result, const PGconn* connection, std::string_view sql);

/// What came of connecting.
[[nodiscard]] Error connect_error(const PGconn* connection, const std::string& where);

/// `, in: ` and the beginning of a statement, as it may be shown.
[[nodiscard]] std::string in_statement(std::string_view sql);

}  // namespace tidings::stores::postgres
