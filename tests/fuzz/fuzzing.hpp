#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What a fuzz program is made of: `NAME_fuzz.cpp` defines `try_input` and `seeds`, and is a program of its own.
namespace tidings::fuzzing {

using Bytes = std::span<const std::byte>;

/// Takes one input; whatever it is, nothing may crash, hang, read beyond it, or break what is required.
void try_input(Bytes input);
/// Inputs to begin with, from what Tidings itself writes.
std::vector<std::string> seeds();

/// Ends the program, which is a finding, unless it holds.
void require(bool holds, const char* what);

/// An input that is taken apart from its beginning; behind its end there are zeros.
class Input {
 public:
  explicit Input(Bytes bytes) : rest_(bytes) {}
  template <class T>
  T take() {
    T value{};
    const auto size = sizeof(T) < rest_.size() ? sizeof(T) : rest_.size();
    if (size > 0) std::memcpy(&value, rest_.data(), size);
    rest_ = rest_.subspan(size);
    return value;
  }
  [[nodiscard]] Bytes rest() const { return rest_; }
  /// A copy that is aligned, and ends where its memory does.
  [[nodiscard]] std::vector<std::byte> copy() const { return {rest_.begin(), rest_.end()}; }

 private:
  Bytes rest_;
};

/// A flag byte before what is tried: with it the checksums are made right, so that what stands behind them is reached.
inline constexpr std::uint8_t mends = 1;

/// The record that begins at `at` in `bytes`; false where it does not fit.
template <class Record>
bool load(std::span<const std::byte> bytes, std::size_t at, Record& record) {
  if (at > bytes.size() || bytes.size() - at < sizeof record) return false;
  std::memcpy(&record, bytes.data() + at, sizeof record);
  return true;
}
template <class Record>
void store(std::span<std::byte> bytes, std::size_t at, const Record& record) {
  std::memcpy(bytes.data() + at, &record, sizeof record);
}
template <class Record>
std::string as_text(const Record& record) {
  return {reinterpret_cast<const char*>(&record), sizeof record};
}

inline std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A fresh folder in $TMPDIR, which goes when the program ends by itself. fuzz.py has it in memory, and removed anyway.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  /// In place of what the file held.
  void write(const std::string& name, Bytes bytes) const;
  [[nodiscard]] std::string read(const std::string& name) const;

 private:
  std::string path_;
};

}  // namespace tidings::fuzzing
