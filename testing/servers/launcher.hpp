#pragma once

#include <sys/types.h>

namespace tidings::testing {

/// Starts a program, its output to `out`; -1 where that fails. It is killed when this process ends, however it ends:
/// not when the calling thread does, as it would be if that had forked. `argv` ends with a null.
[[nodiscard]] pid_t launch(char* const* argv, int out);

}  // namespace tidings::testing
