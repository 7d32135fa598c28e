#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "log/crc32c.hpp"
#include "log/group_file.hpp"

// The small files of the log, version 0, and where locks stand on them; docs/format/log.md is the text of it.
namespace tidings::log {

inline constexpr std::uint32_t partitions_max = 1024;  // as the broker makes them

/// `topic.meta`.
struct MetaFile {
  static constexpr std::uint64_t magic_value = 0x304154454d534454;  // "TDSMETA0"

  std::uint64_t magic = magic_value;
  std::uint32_t version = 0;
  std::uint32_t partitions = 0;
  std::array<std::uint8_t, 16> topic_id{};
  std::uint64_t event_bytes_max = 0;
  std::uint32_t durability = 0;        ///< a `Durability`
  std::uint32_t waits_for_groups = 0;  ///< retention: 1: it leaves what a group has not settled
  std::uint64_t keep_bytes = 0;        ///< of each partition; 0: all
  std::uint32_t keep_seconds = 0;      ///< 0: for ever
  std::uint32_t checksum = 0;
};
static_assert(sizeof(MetaFile) == 64);

/// At the beginning of a group's file.
struct GroupHeader {
  static constexpr std::uint64_t magic_value = 0x3050554f52474454;  // "TDGROUP0"

  std::uint64_t magic = magic_value;
  std::uint32_t version = 0;
  std::uint32_t partitions = 0;
  std::uint32_t reserved[11] = {};
  std::uint32_t checksum = 0;
};
static_assert(sizeof(GroupHeader) == 64);

/// Of what stands before the checksum, which is the last member.
template <class Record>
std::uint32_t checksum_of(const Record& record, std::uint32_t seed = 0) {
  return crc32c(std::as_bytes(std::span{&record, 1}).first(offsetof(Record, checksum)), seed);
}

/// Where a record of a group stands in its file.
constexpr std::uint64_t record_place(std::uint32_t partition, int slot) {
  return sizeof(GroupHeader) + (std::uint64_t{partition} * 2 + static_cast<std::uint64_t>(slot)) * sizeof(GroupRecord);
}

/// Where the table of what is in flight in a partition stands, behind all records.
constexpr std::uint64_t in_flight_place(std::uint32_t partitions, std::uint32_t partition) {
  return (record_place(partitions, 0) + 4095) / 4096 * 4096 + partition * InFlightTable::file_bytes;
}
constexpr std::uint64_t group_bytes(std::uint32_t partitions) {
  return in_flight_place(partitions, partitions);
}

// Locks on a group's file stand far behind every byte that is ever written.
inline constexpr std::uint64_t members_begin = std::uint64_t{1} << 40;
inline constexpr std::uint64_t holders_begin = std::uint64_t{1} << 41;

/// Of each partition in `openers.lock`: the first byte is the gate, who opens a partition keeps one of the others.
inline constexpr std::uint64_t openers_max = std::uint64_t{1} << 20;

}  // namespace tidings::log
