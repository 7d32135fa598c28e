#pragma once

#include <memory>
#include <span>
#include <vector>

#include "tidings/event/envelope.hpp"

namespace tidings::brokers::memory {

/// The events of one publish in one partition: their texts stand in one block, and deliveries point into it and keep
/// it.
struct Chunk {
  std::uint64_t first = 0;  // offset
  TimePoint appended{};
  std::vector<EnvelopeView> events;
  std::unique_ptr<char[]> texts;
  std::size_t bytes = 0;  // as the broker's bound counts it

  [[nodiscard]] std::uint64_t end() const { return first + events.size(); }
};

using SharedChunk = std::shared_ptr<const Chunk>;

/// What a chunk of these events takes of the broker's bound.
[[nodiscard]] std::size_t chunk_bytes(std::span<const EnvelopeView* const> events);

/// Copies the events. First offset and time are the partition's to give.
[[nodiscard]] std::shared_ptr<Chunk> make_chunk(std::span<const EnvelopeView* const> events);

}  // namespace tidings::brokers::memory
