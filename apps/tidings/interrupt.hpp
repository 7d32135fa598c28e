#pragma once

#include <chrono>

namespace tidings::cli {

/// From now on SIGINT and SIGTERM only set a flag and end every wait of `await` (a second one ends the process at
/// once), and a closed pipe is an error of `write`.
void catch_signals();
/// From now on they end the process at once, with 128 and the signal: for what computes, waits for nothing, and leaves
/// nothing behind. One that came before does, too.
void end_at_signals();
/// The signal that came; 0: none.
[[nodiscard]] int caught_signal();
/// 130 or 143 where a signal came, else `status`.
[[nodiscard]] int status_after_signals(int status);

/// What `await` waited for.
enum class Awaited { ready, timed_out, interrupted };
/// Waits until `descriptor` can be read or written (`events` as for poll), at most `wait_max`, or for ever where that
/// is negative. A signal that came before the call counts. `descriptor` -1: a mere pause.
[[nodiscard]] Awaited await(int descriptor, short events, std::chrono::milliseconds wait_max);

}  // namespace tidings::cli
