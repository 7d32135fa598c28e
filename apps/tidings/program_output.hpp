#pragma once

#include <string>
#include <vector>

#include "tidings/base/time.hpp"

namespace tidings::cli {

/// What a program writes to its standard output, which is ours otherwise: environment, folder, standard error. It is
/// looked for as a shell does. Errors: `cannot_start`, `program_failed` with its status, `timeout` after `wait_max`, by
/// when it has been killed; `too_large` beyond 16 MiB.
[[nodiscard]] Result<std::string> program_output(const std::string& program, const std::vector<std::string>& arguments,
                                                 Duration wait_max);

}  // namespace tidings::cli
