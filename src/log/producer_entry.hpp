#pragma once

#include <cstddef>
#include <cstdint>

#include "tidings/base/producer_table.hpp"

namespace tidings::log {

/// A producer's last event, as it stands in the body of a frame of producers.
struct ProducerEntry {
  std::uint64_t id = 0;
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;
  std::int64_t time = 0;
  std::uint32_t epoch = 0;
  std::uint32_t run = 0;

  ProducerEntry() = default;
  explicit ProducerEntry(const ProducerTable::Entry& of)
      : id(of.id), sequence(of.sequence), offset(of.offset), time(of.time), epoch(of.epoch), run(of.run) {}
  [[nodiscard]] ProducerTable::Entry entry() const {
    return {.id = id, .sequence = sequence, .offset = offset, .time = time, .epoch = epoch, .run = run};
  }
};
static_assert(sizeof(ProducerEntry) == 40 && offsetof(ProducerEntry, id) == 0 &&
              offsetof(ProducerEntry, sequence) == 8 && offsetof(ProducerEntry, offset) == 16 &&
              offsetof(ProducerEntry, time) == 24 && offsetof(ProducerEntry, epoch) == 32 &&
              offsetof(ProducerEntry, run) == 36);

}  // namespace tidings::log
