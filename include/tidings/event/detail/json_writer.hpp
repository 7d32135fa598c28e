#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidings/base/time.hpp"
#include "tidings/event/detail/json_value.hpp"
#include "tidings/event/json.hpp"

namespace tidings::detail {

/// Appends JSON to a text whose memory it writes straight; what it holds beyond the end is cut off by `finish`.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out);
  /// Without `finish` nothing was appended.
  ~JsonWriter() { out_.resize(kept_); }
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  void finish() { kept_ = static_cast<std::size_t>(at_ - out_.data()); }

  void raw(char c) {
    need(1);
    *at_++ = c;
  }
  void raw(std::string_view text) {
    need(text.size());
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  template <std::size_t N>
  void raw(const std::array<char, N>& text) {
    need(N);
    std::memcpy(at_, text.data(), N);
    at_ += N;
  }
  void quoted(std::string_view plain);  ///< a text without anything to escape
  bool text(std::string_view text);     ///< false: not UTF-8, and noted
  bool number(double number);           ///< false: NaN or infinite, and noted
  bool number(float number);
  void integer(std::int64_t number);
  void integer(std::uint64_t number);
  void bytes(const std::vector<std::byte>& bytes);
  void time(TimePoint time) { quoted(to_rfc3339(time)); }
  void duration(Duration duration) { quoted(to_iso8601(duration)); }

  /// Around what an object or array holds. False: too deep for readers, and noted.
  bool enter() { return depth_ < json_depth_max ? (++depth_, true) : refuse_to_enter(); }
  void leave() { --depth_; }

  /// Notes why a value cannot be written; the path grows on the way up.
  bool fail(std::string_view code, std::string why);
  void add_to_path(std::string_view before, std::string_view name);
  void add_to_path(std::size_t index);
  void add_data_to_path(std::string_view name);  ///< the name of what a map has
  [[nodiscard]] Error error(JsonTells tells = JsonTells::all) const;

 private:
  void need(std::size_t size) {
    if (static_cast<std::size_t>(end_ - at_) < size) [[unlikely]]
      grow(size);
  }
  void grow(std::size_t size);
  [[gnu::cold]] bool refuse_to_enter();
  void escaped(std::string_view text);
  template <class Number>
  void append(Number number);

  std::string& out_;
  std::size_t kept_;
  char* at_ = nullptr;
  char* end_ = nullptr;
  int depth_ = 0;
  std::string code_;
  std::string message_;
  std::string path_;
};

}  // namespace tidings::detail
