#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings::cli {

/// Reads lines from a descriptor, a bounded piece at a time. A line beyond `line_bytes_max` is passed over and told as
/// too long, without being kept.
class LineReader {
 public:
  LineReader(int descriptor, std::size_t line_bytes_max) : descriptor_(descriptor), line_bytes_max_(line_bytes_max) {}

  struct Line {
    std::uint64_t number = 0;  ///< from 1
    std::string_view text;     ///< without its end; valid until the next call
    bool too_long = false;
  };
  /// The next line; nullopt at the end, or when a signal came. The last line needs no end. Error `io_error`.
  Result<std::optional<Line>> next();
  /// Whether the next call is sure not to wait.
  [[nodiscard]] bool ready() const;
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

 private:
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
