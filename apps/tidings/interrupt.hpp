#pragma once

namespace tidings::cli {

/// From now on SIGINT and SIGTERM only set a flag (a second one ends the process at once), and a closed pipe is an
/// error of `write`.
void catch_signals();
/// The signal that came; 0: none.
[[nodiscard]] int caught_signal();
/// 130 or 143 where a signal came, else `status`.
[[nodiscard]] int status_after_signals(int status);

}  // namespace tidings::cli
