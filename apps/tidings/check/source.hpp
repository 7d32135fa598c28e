#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// A C++ source as tokens. Whatever the bytes are, reading them ends, and crashes nothing.
namespace tidings::check {

enum class TokenKind : std::uint8_t { identifier, number, text, character, punctuator };

struct Token {
  std::string_view text;  ///< of the source, quotes and prefix of a literal included
  std::uint32_t line = 0;
  std::uint32_t column = 0;  ///< from 1, in bytes
  TokenKind kind = TokenKind::punctuator;

  [[nodiscard]] bool is(std::string_view what) const { return text == what && kind != TokenKind::text; }
  [[nodiscard]] bool is_identifier() const { return kind == TokenKind::identifier; }
};

struct Comment {
  std::string_view text;  ///< without `//`, `/*`, `*/`
  std::uint32_t line = 0;
  std::uint32_t last_line = 0;
  bool stands_alone = false;  ///< no code before it on its line
};

struct Include {
  std::string_view path;
  std::uint32_t line = 0;
  bool is_quoted = false;
};

/// What stands in a source. Of `#if … #else` the first branch is read, of `#if 0` the other; macros are not expanded.
/// Views are of the text that was given.
struct Tokens {
  std::vector<Token> tokens;
  std::vector<Comment> comments;
  std::vector<Include> includes;  ///< of every branch but `#if 0`
  std::uint32_t lines = 0;
};

[[nodiscard]] Tokens tokenize(std::string_view text);

/// What a text literal says, escapes left as they are: `u8"orders"` gives `orders`. Empty where it is none.
[[nodiscard]] std::string_view literal_text(const Token& token);

}  // namespace tidings::check
