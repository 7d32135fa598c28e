#pragma once

#include <string>
#include <string_view>

namespace tidings {

/// A URL as it may be shown: all that stands before the last `@`, but for the scheme, and the values of query
/// parameters whose names speak of secrets (`password`, `token`, `secret`, `seed`), are `***`.
[[nodiscard]] std::string redacted(std::string_view url);

}  // namespace tidings
