#pragma once

#include <sys/types.h>

namespace tidings::testing {

/// Whom a program runs as.
struct RunAs {
  uid_t user;
  gid_t group;
};

/// Starts a program, its output to `out`; -1 where that fails. It is killed when this process ends, however it ends:
/// not when the calling thread does, as it would be if that had forked. `argv` ends with a null.
/// `as`: as another user, where this is root.
[[nodiscard]] pid_t launch(char* const* argv, int out, const RunAs* as = nullptr);

}  // namespace tidings::testing
