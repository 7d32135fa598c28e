#pragma once

namespace tidings {

/// How many forks lie between the process that was started and this one: another number than before means that this is
/// a child. What belongs to one process (locks, random numbers) compares it. Thread-safe.
[[nodiscard]] unsigned fork_count();

}  // namespace tidings
