#include "log/in_flight_table.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "log/crc32c.hpp"

namespace tidings::log {
namespace {

// {check:16, attempts:8, offset:40}: 0 is a slot that is free, since attempts are never 0.
constexpr int offset_bits = 40;
constexpr int attempts_bits = 8;
constexpr std::uint64_t offset_mask = (std::uint64_t{1} << offset_bits) - 1;
constexpr std::size_t near = 16;  // slots that are looked at for one offset

std::uint32_t check_of(std::uint64_t key, std::uint64_t offset, std::uint64_t attempts) {
  const std::array words{key, offset, attempts};
  return crc32c(std::as_bytes(std::span{words})) >> 16;
}

std::uint64_t word_of(std::uint64_t key, std::uint64_t offset, std::uint64_t attempts) {
  return std::uint64_t{check_of(key, offset, attempts)} << (offset_bits + attempts_bits) | attempts << offset_bits |
         (offset & offset_mask);
}

int attempts_in(std::uint64_t word) {
  return static_cast<int>(word >> offset_bits & 0xff);
}

/// Whether the word is of that offset.
bool is_of(std::uint64_t word, std::uint64_t key, std::uint64_t offset) {
  return (word & offset_mask) == (offset & offset_mask) && attempts_in(word) > 0 &&
         word == word_of(key, offset, static_cast<std::uint64_t>(attempts_in(word)));
}

}  // namespace

std::uint64_t InFlightTable::key_of(std::uint32_t partition, std::uint32_t epoch, std::uint32_t moves) {
  const std::array words{partition, epoch, moves};
  return crc32c(std::as_bytes(std::span{words})) | std::uint64_t{1} << 32;
}

void InFlightTable::begin(std::uint64_t key, std::uint64_t offset, int attempt) {
  const auto word = word_of(key, offset, static_cast<std::uint64_t>(std::clamp(attempt, 1, attempts_max)));
  auto* found = static_cast<std::atomic<std::uint64_t>*>(nullptr);
  for (std::size_t step = 0; step < near; ++step) {
    auto& slot = slots_[(offset + step) % slots];
    auto there = slot.load(std::memory_order_relaxed);
    if (is_of(there, key, offset)) return slot.store(word, std::memory_order_relaxed);
    if (found == nullptr && there == 0) found = &slot;
  }
  if (std::uint64_t none = 0; found != nullptr && found->compare_exchange_strong(none, word)) return;
  slots_[offset % slots].store(word, std::memory_order_relaxed);  // another was faster, or there is no room
}

void InFlightTable::end(std::uint64_t key, std::uint64_t offset) {
  for (std::size_t step = 0; step < near; ++step) {
    auto& slot = slots_[(offset + step) % slots];
    if (auto there = slot.load(std::memory_order_relaxed); is_of(there, key, offset)) {
      slot.compare_exchange_strong(there, 0);
      return;
    }
  }
}

std::unordered_map<std::uint64_t, int> InFlightTable::take_over(std::uint64_t key, std::uint64_t from,
                                                                std::uint64_t to) {
  std::unordered_map<std::uint64_t, int> begun;
  for (std::size_t index = 0; index < slots; ++index) {
    const auto word = slots_[index].load(std::memory_order_relaxed);
    if (word == 0) continue;
    // Its upper bits are those of the window, or of the next 2^40.
    auto offset = (from & ~offset_mask) | (word & offset_mask);
    if (offset < from) offset += offset_mask + 1;
    if (offset < to && is_of(word, key, offset))
      begun[offset] = std::max(begun[offset], attempts_in(word));
    else
      slots_[index].store(0, std::memory_order_relaxed);
  }
  return begun;
}

}  // namespace tidings::log
