#pragma once

#include <string>
#include <string_view>

#include "tidings/outbox/tables.hpp"
#include "tidings/store/store.hpp"

namespace tidings::saga {

/// A statement of ours in a database's own words. What differs stands behind an `@`:
///
///     @sagas @saga_NAME    the tables
///     @index_NAME          an index of theirs
///     @lock                the row that is read stays as it is until the end
///     @skip                likewise those of `s`, without those that somebody else has locked
///     @long @strict        types of columns, and of tables
[[nodiscard]] std::string in_words(std::string_view statement, SqlDialect dialect, const outbox::Tables& tables);

}  // namespace tidings::saga
