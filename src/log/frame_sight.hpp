#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "log/frame.hpp"
#include "log/window.hpp"

namespace tidings::log {

/// What stands at a place where a frame may stand, by everything that one frame can tell of itself.
struct FrameSight {
  enum class What {
    whole,
    nothing,  ///< a length of 0, or no room for one
    damaged,  ///< `code` and `why` say how
  };
  What what = What::nothing;
  FrameHeader header;       ///< as it stands there, where there is room for one
  std::uint64_t bytes = 0;  ///< to the next frame; 0 where that is not known
  std::string_view code;
  std::string_view why;
  bool is_padding_zero = true;               ///< no checksum covers the bytes behind the frame
  std::shared_ptr<ProducerTable> producers;  ///< of a frame that says who published before it
};

/// Looks at `position` of a segment that ends at `end`. A frame of any length takes no more memory than the window.
/// Errors: those of the window.
[[nodiscard]] Result<FrameSight> sight_frame(Window& window, std::uint64_t position, std::uint64_t end,
                                             std::uint64_t salt);

/// The first place of [begin, until) where a frame begins that is whole, in a segment that ends at `end`, and that
/// `may_be` before its checksum is looked at. `budget` bounds the bytes that are summed up, and is used up by them: a
/// hostile file may have a frame of megabytes seem to begin at every eighth byte. Errors: those of the window.
struct FramePlace {
  std::uint64_t position = 0;
  FrameHeader header;
};
struct FrameRange {
  std::uint64_t begin = 0;
  std::uint64_t until = 0;
  std::uint64_t end = 0;
};
[[nodiscard]] Result<std::optional<FramePlace>> find_frame(Window& window, const FrameRange& range, std::uint64_t salt,
                                                           std::uint64_t& budget,
                                                           const std::function<bool(const FrameHeader&)>& may_be);

}  // namespace tidings::log
