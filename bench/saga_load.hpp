#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bench.hpp"
#include "outbox_stage.hpp"
#include "tidings/broker/broker.hpp"
#include "tidings/store/store.hpp"

namespace bench::sagas {

using outbox::Database;
using outbox::Stage;

/// The store of a database that `Stage` made, with the tables of outbox and sagas.
[[nodiscard]] std::unique_ptr<tidings::Store> open_database(Database kind, const std::string& place,
                                                            std::size_t connections);
[[nodiscard]] std::int64_t count(tidings::Store& store, const std::string& what);

void through_a_service(benchmark::State& state, Stage& stage, Database kind);
void through_the_coordinator(benchmark::State& state, Stage& stage, Database kind);
/// As it is written by hand: a row of JSON for each saga, which is read, changed and written in a transaction for each
/// event; nothing is sent, and there is neither inbox nor history nor time-out.
void by_hand(benchmark::State& state, Stage& stage, Database kind);

/// 16 threads, each with one answer for the same instance.
void hot_instance(benchmark::State& state, Stage& stage, Database kind);

/// A service beside so many sagas that wait for a time-out in a month.
void sleeping(benchmark::State& state, Stage& stage, Database kind, std::int64_t others);
/// What `sleeping` runs as another process.
int sleeper(int argc, char** argv);
inline constexpr std::string_view sleeper_word = "--sleeper";

}  // namespace bench::sagas
