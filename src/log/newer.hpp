#pragma once

#include "log/frame.hpp"

namespace tidings::log {

/// Whether a segment's header says that it is of a later format: by its version, or, where all of the header may be
/// another, by the last digit of its magic number ("TIDSLOG1"). Such a segment is not damaged, whatever it seems to be.
[[nodiscard]] inline bool is_newer(const SegmentHeader& header) {
  constexpr std::uint64_t digit = std::uint64_t{0xff} << 56;
  const auto last = header.magic >> 56;
  if ((header.magic & ~digit) == (segment_magic & ~digit) && last > '0' && last <= '9') return true;
  return header.magic == segment_magic && header.checksum == header_checksum(header) && header.version > format_version;
}

}  // namespace tidings::log
