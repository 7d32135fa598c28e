#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings::cli {

/// Reads lines from a descriptor, a bounded piece at a time. A line beyond `line_bytes_max` is passed over and told as
/// too long, without being kept. A byte order mark at the start is no part of the first line.
class LineReader {
 public:
  LineReader(int descriptor, std::size_t line_bytes_max) : descriptor_(descriptor), line_bytes_max_(line_bytes_max) {}

  struct Line {
    std::uint64_t number = 0;  ///< from 1
    std::string_view text;     ///< without its end; valid until the next call
    bool too_long = false;
  };
  enum class Wait { yes, no };
  /// The next line; the last one needs no end. None: at the end (`ended()`), when a signal came, or where it would have
  /// to wait and may not. Error `io_error`.
  Result<std::optional<Line>> next(Wait wait);
  [[nodiscard]] bool ended() const { return ended_ && begin_ == buffer_.size() && !skipping_; }
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  std::optional<Line> take();
  Result<> read_more();

  int descriptor_;
  std::size_t line_bytes_max_;
  std::string buffer_;
  std::size_t begin_ = 0;    // of what was not handed out
  std::size_t scanned_ = 0;  // no line end before it
  bool skipping_ = false;    // in a line that is too long
  bool ended_ = false;
  std::uint64_t number_ = 0;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace tidings::cli
