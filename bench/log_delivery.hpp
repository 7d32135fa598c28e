#pragma once

#include <benchmark/benchmark.h>

#include <string>

// From a publish in one process to its receipt in another that is parked: an event a millisecond.
namespace bench {

/// Through the broker, with the whole envelope; counters `p50` and `p99`, nanoseconds.
void deliver_by_log(benchmark::State& state);
/// The limit: a word in a mapping, and a futex.
void deliver_by_futex(benchmark::State& state);

/// The receiving process's main, for `--receive-log` and `--receive-futex`, each with a folder and how many.
int receive(const std::string& how, const std::string& folder, int count);

}  // namespace bench
