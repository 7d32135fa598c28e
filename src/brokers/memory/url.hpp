#pragma once

#include <string>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings::brokers::memory {

/// `memory:`, `memory:NAME`, `memory:NAME?bytes_max=N&retain=settled`.
struct Url {
  std::string name;
  std::size_t bytes_max = std::size_t{1} << 30;  ///< of all topics; a publish that does not fit is `backpressure`
  bool keep_settled =
      true;  ///< for groups to come; else what every group of a topic has settled makes room when it is needed
};

/// Errors `invalid_url`, `invalid_name`.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

}  // namespace tidings::brokers::memory
