#pragma once

#include <string>
#include <vector>

#include "tidings/base/time.hpp"

namespace tidings::cli {

/// What a program writes to its standard output, which is ours otherwise: environment, folder, standard error. It is
/// looked for as a shell does. What it leaves behind, and what holds its output, is not waited for. Errors:
/// `cannot_start`, `program_failed` with its status, `timeout` after `wait_max`, `interrupted` where a signal was
/// caught, `too_large` beyond 16 MiB; by then it has been killed, and all that it had started and that was still in its
/// process group.
[[nodiscard]] Result<std::string> program_output(const std::string& program, const std::vector<std::string>& arguments,
                                                 Duration wait_max);

}  // namespace tidings::cli
