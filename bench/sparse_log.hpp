#pragma once

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "log/frame.hpp"
#include "log/log_directory.hpp"
#include "log/segment.hpp"

namespace bench {

/// Makes a topic of one partition whose log is longer than the disk: `count` segments of 64 MiB, with a few events and
/// a seal each (the last without), and nothing on the disk behind them. What is looked for is found as in any log, but
/// for what frames between would cost. Returns how many events there are.
inline std::uint64_t make_sparse_log(tidings::log::LogDirectory& log, const std::string& folder,
                                     const std::string& topic, std::uint64_t count) {
  namespace log_ns = tidings::log;
  static constexpr std::uint64_t segment_bytes = std::uint64_t{64} << 20;
  static constexpr std::uint64_t events_each = 8;
  log.create(topic, {.partitions = 1, .durability = tidings::Durability::memory}).or_throw();
  const auto partition = folder + "/" + topic + "/0";
  std::filesystem::create_directory(partition);
  std::filesystem::permissions(partition, std::filesystem::perms::owner_all);
  const tidings::EnvelopeView view{.id = "12345678", .type = "t", .payload = "payload"};
  const auto begin = tidings::system_clock().now() - std::chrono::hours{1};
  std::uint64_t offset = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    log_ns::SegmentHeader header;
    header.first_offset = offset;
    header.size = segment_bytes;
    header.salt = i + 1;
    header.epoch = 1;
    header.checksum = log_ns::header_checksum(header);
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
    log_ns::FrameStamp stamp{.offset = offset, .epoch = 1};
    for (std::uint64_t k = 0; k < events_each; ++k, ++offset) {
      stamp.offset = offset;
      stamp.time = (begin + std::chrono::microseconds{offset}).time_since_epoch().count();
      const auto at = bytes.size();
      bytes.resize(at + log_ns::frame_bytes(view));
      auto* const frame = reinterpret_cast<std::byte*>(bytes.data() + at);
      const auto commit = log_ns::put_data_frame(frame, view, stamp, header.salt);
      std::memcpy(frame, &commit, sizeof commit);
    }
    stamp.offset = offset;
    if (i + 1 < count) {
      const auto seal = log_ns::seal_frame(stamp, header.salt);
      bytes.append(reinterpret_cast<const char*>(seal.data()), seal.size());
    }
    const auto path = partition + "/" + log_ns::segment_name(header.first_offset);
    std::ofstream(path, std::ios::binary) << bytes;
    std::filesystem::resize_file(path, segment_bytes);
  }
  return offset;
}

}  // namespace bench
