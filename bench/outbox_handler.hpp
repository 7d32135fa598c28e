#pragma once

#include "bench.hpp"
#include "outbox_stage.hpp"

namespace bench::outbox {

enum class Effect { row, publication };

/// A handler whose effects are once: `handled`, a second, and `relayed` of what it publishes. By hand, one by one,
/// where it is not Tidings.
void handle(benchmark::State& state, Stage& stage, Who who, Effect effect);

}  // namespace bench::outbox
