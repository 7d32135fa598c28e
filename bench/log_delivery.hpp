#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

// From a publish in one process to its receipt in another: an event a millisecond, or as many as go.
namespace bench {

/// A publish at a time, to a receiver that is parked: through the broker, with the whole envelope; counters `p50` and
/// `p99`, nanoseconds.
void deliver_by_log(benchmark::State& state);
/// The limit: a word in a mapping, and a futex.
void deliver_by_futex(benchmark::State& state);
/// A record at a time, to a receiver that spins: through the embedded log.
void deliver_by_spinning_log(benchmark::State& state);
/// The limit: a word in a mapping.
void deliver_by_word(benchmark::State& state);
/// A record at a time, to a receiver that the server wakes.
void deliver_by_redis(benchmark::State& state);
void deliver_by_nats(benchmark::State& state);

/// As many records as go, in batches of 100 or, of servers, in flight; summed by the receiver.
void stream_by_log(benchmark::State& state);
void stream_by_redis(benchmark::State& state);
void stream_by_nats(benchmark::State& state);

/// The receiving process's main, for `--receive-…` and `--follow-…`, each with an address and how many.
int receive(const std::string& how, const std::string& address, std::uint64_t count);

}  // namespace bench
