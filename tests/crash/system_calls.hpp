#pragma once

#include <cstdint>
#include <functional>
#include <string>

// The calls of the C library that the log makes, in front of the library: a program that links this has them fail.
namespace tidings::crash {

enum class Fault { disk_full, io_error, interrupted, too_many_files, short_count };

/// From now on the n-th call that may fail so, from 1 on, does; once. Calls of any thread count.
void fail_call(Fault fault, std::uint64_t n);
/// None fails any more.
void fail_nothing();
[[nodiscard]] bool has_failed();
/// The call that failed: `pwrite`.
[[nodiscard]] std::string failed_call();
/// Is told the path of each folder that is synced.
void watch_folder_syncs(std::function<void(const std::string& path)> told);

}  // namespace tidings::crash
