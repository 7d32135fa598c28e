#include "tidings/base/text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <vector>

namespace tidings {
namespace {

/// The code point that `text` begins with and its size; size 0 where it is not well-formed (RFC 3629).
struct CodePoint {
  std::uint32_t value = 0;
  std::size_t size = 0;
};

CodePoint decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
  std::uint32_t value = lead & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3fU);
  }
  static constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < least[size] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return {};
  return {value, size};
}

/// Controls, and what reorders or hides text: bidirectional marks, zero-width characters, line separators, the byte
/// order mark.
bool is_hostile(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
         (c >= 0xe0000 && c <= 0xe007f);
}

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

Result<> validate_name(std::string_view what, std::string_view name) {
  const auto refuse = [&](std::string_view why) {
    return Error{"invalid_name", std::string(what) + " '" + printable(name.substr(0, 80)) + "' " + std::string(why) +
                                     "; use 1 to 200 of A-Z a-z 0-9 . _ - and no leading -"};
  };
  if (name.empty()) return refuse("is empty");
  if (name.size() > 200) return refuse("is " + std::to_string(name.size()) + " bytes long");
  if (name == "." || name == "..") return refuse("means a folder");
  if (name.front() == '-') return refuse("begins with -");
  for (const char c : name)
    if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
          c == '-'))
      return refuse("has '" + printable({&c, 1}) + "'");
  return {};
}

std::string_view nearest(std::string_view name, std::span<const std::string> candidates) {
  std::string_view best;
  auto best_distance = std::max<std::size_t>(name.size() / 3, 2) + 1;
  for (const auto& candidate : candidates) {
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < name.size(); ++i) {
      auto diagonal = row[0];
      row[0] = i + 1;
      for (std::size_t j = 0; j < candidate.size(); ++j) {
        const auto substitute = diagonal + (name[i] == candidate[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({substitute, row[j] + 1, row[j + 1] + 1});
      }
    }
    if (row.back() < best_distance) best = candidate, best_distance = row.back();
  }
  return best;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  char escape[16];
  while (!text.empty()) {
    const auto [value, size] = decode(text);
    if (size == 0 || value < 0x80) {
      const auto byte = static_cast<std::uint8_t>(text.front());
      if (size == 0 || is_hostile(value))
        out.append(escape, static_cast<std::size_t>(std::snprintf(escape, sizeof escape, "\\x%02X", byte)));
      else
        out += text.front();
      text.remove_prefix(1);
      continue;
    }
    if (is_hostile(value))
      out.append(escape, static_cast<std::size_t>(std::snprintf(escape, sizeof escape, "\\u{%X}", value)));
    else
      out += text.substr(0, size);
    text.remove_prefix(size);
  }
  return out;
}

namespace {

constexpr std::pair<std::string_view, int> size_units[] = {{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"", 0}};

}  // namespace

Result<std::uint64_t> parse_bytes(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error == std::errc{} || error == std::errc::result_out_of_range)
    for (const auto& [name, shift] : size_units) {
      if (unit != name) continue;
      if (error == std::errc{} && number <= ~std::uint64_t{0} >> shift) return number << shift;
      return Error{"invalid_size", "'" + printable(text) + "' is too large; a size is less than 16777216TiB"};
    }
  return Error{"invalid_size", "'" + printable(text) + "' is no size; write bytes, or KiB, MiB, GiB, TiB: 512MiB"};
}

std::string bytes_text(std::uint64_t bytes) {
  for (const auto& [name, shift] : size_units)
    if (bytes != 0 && bytes % (std::uint64_t{1} << shift) == 0)
      return std::to_string(bytes >> shift) + (name.empty() ? " bytes" : std::string(name));
  return "0 bytes";
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    std::uint64_t word = 0;
    if (text.size() >= sizeof word) {
      std::memcpy(&word, text.data(), sizeof word);
      if ((word & 0x8080808080808080) == 0) {  // eight of ASCII
        text.remove_prefix(sizeof word);
        continue;
      }
    }
    const auto size = static_cast<std::uint8_t>(text.front()) < 0x80 ? 1 : decode(text).size;
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string to_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  const auto byte = [&](std::size_t i) {
    return i < bytes.size() ? static_cast<std::uint8_t>(bytes[i]) : std::uint32_t{0};
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out += base64_digits[group >> 18];
    out += base64_digits[group >> 12 & 63];
    out += i + 1 < bytes.size() ? base64_digits[group >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? base64_digits[group & 63] : '=';
  }
  return out;
}

Result<std::string> from_base64(std::string_view text) {
  const Error invalid{"invalid_base64", "the text is no base64 (RFC 4648, padded with =)"};
  if (text.size() % 4 != 0) return invalid;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const std::size_t pads = last && text[i + 3] == '=' ? (text[i + 2] == '=' ? 2 : 1) : 0;
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const auto digit = j >= 4 - pads ? 0 : base64_digits.find(text[i + j]);
      if (digit == std::string_view::npos) return invalid;
      group = group << 6 | static_cast<std::uint32_t>(digit);
    }
    // Bits that no byte takes must be zero: one value has one text.
    if ((pads == 1 && (group & 0xff) != 0) || (pads == 2 && (group & 0xffff) != 0)) return invalid;
    out += static_cast<char>(group >> 16);
    if (pads < 2) out += static_cast<char>(group >> 8 & 0xff);
    if (pads < 1) out += static_cast<char>(group & 0xff);
  }
  return out;
}

}  // namespace tidings
