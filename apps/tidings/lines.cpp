#include "lines.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "interrupt.hpp"

namespace tidings::cli {

Result<std::optional<LineReader::Line>> LineReader::next() {
  while (true) {
    const auto end = buffer_.find('\n', scanned_);
    if (end != buffer_.npos || (ended_ && begin_ < buffer_.size()) || (ended_ && skipping_)) {
      const auto stop = end == buffer_.npos ? buffer_.size() : end;
      const auto text = std::string_view(buffer_).substr(begin_, stop - begin_);
      begin_ = scanned_ = end == buffer_.npos ? stop : stop + 1;
      const bool too_long = std::exchange(skipping_, false) || text.size() > line_bytes_max_;
      return std::optional<Line>{{++number_, too_long ? std::string_view{} : text, too_long}};
    }
    if (ended_ || caught_signal() != 0) return std::optional<Line>{};
    if (buffer_.size() - begin_ > line_bytes_max_) {
      skipping_ = true;
      buffer_.clear();
      begin_ = 0;
    }
    buffer_.erase(0, begin_);
    begin_ = 0;
    scanned_ = buffer_.size();
    constexpr std::size_t piece = 256 << 10;
    buffer_.resize(scanned_ + piece);
    const auto got = ::read(descriptor_, buffer_.data() + scanned_, piece);
    buffer_.resize(scanned_ + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got < 0 && errno != EINTR)
      return Error{"io_error", std::string("cannot read the input: ") + std::strerror(errno)};
    if (got == 0) ended_ = true;
    if (got > 0) bytes_read_ += static_cast<std::uint64_t>(got);
  }
}

bool LineReader::ready() const {
  if (buffer_.find('\n', scanned_) != buffer_.npos || ended_) return true;
  pollfd one{descriptor_, POLLIN, 0};
  return ::poll(&one, 1, 0) > 0;
}

}  // namespace tidings::cli
