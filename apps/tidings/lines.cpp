#include "lines.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "interrupt.hpp"

namespace tidings::cli {

/// A line that stands in the buffer whole, or is the unended last one.
std::optional<LineReader::Line> LineReader::take() {
  const auto end = buffer_.find('\n', scanned_);
  scanned_ = buffer_.size();
  if (end == buffer_.npos && !(ended_ && (begin_ < buffer_.size() || skipping_))) return {};
  const auto stop = end == buffer_.npos ? buffer_.size() : end;
  auto text = std::string_view(buffer_).substr(begin_, stop - begin_);
  begin_ = scanned_ = end == buffer_.npos ? stop : stop + 1;
  const bool too_long = std::exchange(skipping_, false) || text.size() > line_bytes_max_;
  if (++number_ == 1 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return Line{number_, too_long ? std::string_view{} : text, too_long};
}

Result<> LineReader::read_more() {
  if (buffer_.size() - begin_ > line_bytes_max_) {
    skipping_ = true;
    begin_ = buffer_.size();
  }
  buffer_.erase(0, begin_);
  begin_ = 0;
  scanned_ = buffer_.size();
  constexpr std::size_t piece = 256 << 10;
  buffer_.resize(scanned_ + piece);
  const auto got = ::read(descriptor_, buffer_.data() + scanned_, piece);
  const int why = errno;
  buffer_.resize(scanned_ + static_cast<std::size_t>(got > 0 ? got : 0));
  if (got < 0 && why != EINTR && why != EAGAIN)
    return Error{"io_error", std::string("cannot read the input: ") + std::strerror(why)};
  if (got == 0) ended_ = true;
  if (got > 0) bytes_read_ += static_cast<std::uint64_t>(got);
  return {};
}

Result<std::optional<LineReader::Line>> LineReader::next(Wait wait) {
  while (caught_signal() == 0) {
    if (auto line = take()) return line;
    if (ended_) break;
    const auto forever = std::chrono::milliseconds{-1};
    const auto awaited = await(descriptor_, POLLIN, wait == Wait::yes ? forever : std::chrono::milliseconds{0});
    if (awaited != Awaited::ready) break;
    if (auto read = read_more(); !read) return std::move(read.error());
  }
  return std::optional<Line>{};
}

}  // namespace tidings::cli
