#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings {

struct HeaderView {
  std::string_view name;
  std::string_view value;
};

/// Headers in their encoded form: `{u32 name size, u32 value size, name, value}…`, little-endian. Reading copies
/// nothing; a malformed tail ends the iteration.
class HeadersView {
 public:
  constexpr HeadersView() = default;
  constexpr explicit HeadersView(std::string_view encoded) : encoded_(encoded) {}

  class Iterator {
   public:
    using value_type = HeaderView;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::forward_iterator_tag;
    Iterator() = default;
    explicit Iterator(std::string_view rest) : rest_(rest) { read(); }
    const HeaderView& operator*() const { return current_; }
    const HeaderView* operator->() const { return &current_; }
    Iterator& operator++() {
      rest_.remove_prefix(size_);
      read();
      return *this;
    }
    Iterator operator++(int) {
      auto before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.rest_.size() == b.rest_.size(); }

   private:
    void read() {
      std::uint32_t name = 0;
      std::uint32_t value = 0;
      if (rest_.size() < 8) return end();
      std::memcpy(&name, rest_.data(), 4);
      std::memcpy(&value, rest_.data() + 4, 4);
      size_ = std::size_t{8} + name + value;
      if (size_ > rest_.size()) return end();
      current_ = {rest_.substr(8, name), rest_.substr(std::size_t{8} + name, value)};
    }
    void end() { rest_ = {}, size_ = 0, current_ = {}; }

    std::string_view rest_;
    std::size_t size_ = 0;
    HeaderView current_;
  };

  [[nodiscard]] Iterator begin() const { return Iterator(encoded_); }
  [[nodiscard]] Iterator end() const { return Iterator(std::string_view{}); }
  [[nodiscard]] bool empty() const { return begin() == end(); }
  [[nodiscard]] std::string_view encoded() const { return encoded_; }

  /// The first value of that name, byte for byte.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const {
    for (const auto& header : *this)
      if (header.name == name) return header.value;
    return std::nullopt;
  }

 private:
  std::string_view encoded_;
};

/// Headers that own their text, in the order in which they were set.
class Headers {
 public:
  Headers() = default;
  explicit Headers(HeadersView view) : encoded_(view.encoded()) {}

  /// Adds the header, in place of one of that name.
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name);
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const { return view().get(name); }
  [[nodiscard]] bool empty() const { return encoded_.empty(); }
  [[nodiscard]] HeadersView view() const { return HeadersView(encoded_); }
  [[nodiscard]] auto begin() const { return view().begin(); }
  [[nodiscard]] auto end() const { return view().end(); }

  friend bool operator==(const Headers&, const Headers&) = default;

 private:
  std::string encoded_;
};

}  // namespace tidings
