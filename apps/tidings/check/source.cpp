#include "check/source.hpp"

#include <algorithm>
#include <array>

namespace tidings::check {

namespace {

bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         (static_cast<unsigned char>(c) & 0x80U) != 0;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}
bool is_prefix(std::string_view word) {
  return word == "L" || word == "u" || word == "U" || word == "u8" || word == "R" || word == "LR" || word == "uR" ||
         word == "UR" || word == "u8R";
}

// '>>' and '>=' are two tokens each, since they may end lists of template arguments.
constexpr std::array<std::string_view, 18> operators{"...", "<=>", "::", "->", "<<", "<=", "==", "!=", "&&",
                                                     "||",  "++",  "--", "+=", "-=", "*=", "/=", "|=", "&="};

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = line_begin_ = 3;
    out_.tokens.reserve(text.size() / 6);
  }

  Tokens read() {
    while (at_ < text_.size()) step();
    out_.lines = text_.empty() || text_.back() == '\n' ? line_ - 1 : line_;
    return std::move(out_);
  }

 private:
  void step() {
    const char c = text_[at_];
    if (c == '\n') return new_line();
    if (is_blank(c) || c == '\\' || c == '\0') return void(++at_);
    if (c == '/' && peek(1) == '/') return line_comment();
    if (c == '/' && peek(1) == '*') return block_comment();
    if (c == '#' && begins_line_) return directive();
    begins_line_ = false;
    if (begins_name(c)) return name();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (c == '"') return quoted(at_, '"', TokenKind::text);
    if (c == '\'') return quoted(at_, '\'', TokenKind::character);
    for (const auto one : operators)
      if (text_.substr(at_).starts_with(one)) return put(at_, at_ + one.size(), TokenKind::punctuator);
    put(at_, at_ + 1, TokenKind::punctuator);
  }

  [[nodiscard]] char peek(std::size_t ahead) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void new_line() {
    ++at_;
    ++line_;
    line_begin_ = at_;
    begins_line_ = true;
  }

  /// Lines within what was just taken.
  void count_lines(std::size_t from, std::size_t to) {
    const auto taken = text_.substr(0, to);  // nothing behind it is looked at: a line may be very long
    for (auto found = taken.find('\n', from); found != std::string_view::npos; found = taken.find('\n', found + 1)) {
      ++line_;
      line_begin_ = found + 1;
    }
  }

  void put(std::size_t from, std::size_t to, TokenKind kind) {
    if (is_read())
      out_.tokens.push_back(
          {text_.substr(from, to - from), line_, static_cast<std::uint32_t>(from - line_begin_ + 1), kind});
    at_ = to;
  }

  void name() {
    auto end = at_;
    while (end < text_.size() && (begins_name(text_[end]) || is_digit(text_[end]))) ++end;
    const auto word = text_.substr(at_, end - at_);
    if (end < text_.size() && is_prefix(word)) {
      if (text_[end] == '"' && word.back() == 'R') return raw(end);
      if (text_[end] == '"') return quoted(end, '"', TokenKind::text);
      if (text_[end] == '\'' && word.back() != 'R') return quoted(end, '\'', TokenKind::character);
    }
    put(at_, end, TokenKind::identifier);
  }

  void number() {
    auto end = at_ + 1;
    for (; end < text_.size(); ++end) {
      const char c = text_[end];
      const char before = text_[end - 1];
      const bool is_sign = (c == '+' || c == '-') &&
                           (before == 'e' || before == 'E' || before == 'p' || before == 'P') &&
                           !text_.substr(at_).starts_with("0x");
      const bool separates =
          c == '\'' && end + 1 < text_.size() && (begins_name(text_[end + 1]) || is_digit(text_[end + 1]));
      if (!is_digit(c) && !begins_name(c) && c != '.' && !is_sign && !separates) break;
    }
    put(at_, end, TokenKind::number);
  }

  /// From the quote at `open`, to its other one or, where that is missing, to the end of the line.
  void quoted(std::size_t open, char quote, TokenKind kind) {
    auto end = open + 1;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') {
      if (text_[end] == '\\' && end + 1 < text_.size()) {
        if (text_[end + 1] == '\r' && end + 2 < text_.size()) ++end;
        ++end;
      }
      ++end;
    }
    end = std::min(end, text_.size());
    if (end < text_.size() && text_[end] == quote) ++end;
    const auto from = at_;
    put(from, end, kind);
    count_lines(from, end);
  }

  void raw(std::size_t open) {
    const auto paren = text_.find('(', open);
    if (paren == std::string_view::npos || paren - open > 17) return quoted(open, '"', TokenKind::text);
    const auto closing = ")" + std::string(text_.substr(open + 1, paren - open - 1)) + "\"";
    const auto found = text_.find(closing, paren);
    const auto end = found == std::string_view::npos ? text_.size() : found + closing.size();
    const auto from = at_;
    put(from, end, TokenKind::text);
    count_lines(from, end);
  }

  void line_comment() {
    const auto from = at_;
    auto end = from;
    do {
      end = std::min(text_.find('\n', end + 1), text_.size());
    } while (end < text_.size() && end > from + 2 &&
             (text_[end - 1] == '\\' || (text_[end - 1] == '\r' && text_[end - 2] == '\\')));
    comment(from, end, text_.substr(from + 2, end - from - 2));
  }

  void block_comment() {
    const auto found = text_.find("*/", at_ + 2);
    const auto end = found == std::string_view::npos ? text_.size() : found + 2;
    const auto said = found == std::string_view::npos ? end : found;
    comment(at_, end, text_.substr(at_ + 2, said - at_ - 2));
  }

  void comment(std::size_t from, std::size_t end, std::string_view said) {
    const auto line = line_;
    at_ = end;
    count_lines(from, end);
    if (is_read()) out_.comments.push_back({said, line, line_, begins_line_});
  }

  // ---- the preprocessor

  struct Branches {
    bool is_read = true;   // this branch
    bool was_read = true;  // one of them
    bool outer_read = true;
    bool is_zero = false;  // `#if 0`, whose includes are none
  };

  [[nodiscard]] bool is_read() const { return branches_.empty() || branches_.back().is_read; }

  /// To the end of the line, and of those that it goes on in; comments count as blanks.
  std::string directive_text(std::size_t& at) {
    std::string said;
    while (at < text_.size() && text_[at] != '\n') {
      if (text_[at] == '\\' && (text_.substr(at + 1).starts_with("\n") || text_.substr(at + 1).starts_with("\r\n"))) {
        at += text_[at + 1] == '\n' ? 2 : 3;
        said += ' ';
      } else if (text_.substr(at).starts_with("//")) {
        at = std::min(text_.find('\n', at), text_.size());
      } else if (text_.substr(at).starts_with("/*")) {
        const auto found = text_.find("*/", at + 2);
        at = found == std::string_view::npos ? text_.size() : found + 2;
        said += ' ';
      } else {
        if (said.size() < 4096) said += text_[at];
        ++at;
      }
    }
    return said;
  }

  void directive() {
    const auto from = at_;
    auto end = at_;
    const auto whole = directive_text(end);
    const auto line = line_;
    at_ = end;
    count_lines(from, end);
    std::string_view said = whole;
    said.remove_prefix(1);
    const auto trim = [&] {
      while (!said.empty() && is_blank(said.front())) said.remove_prefix(1);
      while (!said.empty() && is_blank(said.back())) said.remove_suffix(1);
    };
    trim();
    std::size_t size = 0;
    while (size < said.size() && begins_name(said[size])) ++size;
    const auto word = said.substr(0, size);
    said.remove_prefix(size);
    trim();
    if (word == "include") {
      include(from, end, line);
    } else if (word == "if" || word == "ifdef" || word == "ifndef") {
      const bool outer = is_read();
      const bool never = word == "if" && (said == "0" || said == "false");
      branches_.push_back({outer && !never, !never, outer, never});
    } else if (branches_.empty()) {
      return;
    } else if (word == "elif" || word == "else" || word == "elifdef" || word == "elifndef") {
      auto& top = branches_.back();
      top.is_read = top.outer_read && !top.was_read;
      top.was_read = true;
      top.is_zero = false;
    } else if (word == "endif") {
      branches_.pop_back();
    }
  }

  void include(std::size_t from, std::size_t end, std::uint32_t line) {
    if (std::ranges::any_of(branches_, [](const auto& one) { return one.is_zero; })) return;
    const auto said = text_.substr(from, end - from);
    const auto open = said.find_first_of("<\"");
    if (open == std::string_view::npos) return;
    const auto close = said.find(said[open] == '<' ? '>' : '"', open + 1);
    if (close == std::string_view::npos || close == open + 1) return;
    out_.includes.push_back({said.substr(open + 1, close - open - 1), line, said[open] == '"'});
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_begin_ = 0;
  std::uint32_t line_ = 1;
  bool begins_line_ = true;
  std::vector<Branches> branches_;
  Tokens out_;
};

}  // namespace

Tokens tokenize(std::string_view text) {
  return Reader(text).read();
}

std::string_view literal_text(const Token& token) {
  if (token.kind != TokenKind::text) return {};
  const auto quote = token.text.find('"');
  if (quote == std::string_view::npos) return {};
  auto said = token.text.substr(quote + 1);
  if (quote > 0 && token.text[quote - 1] == 'R') {
    const auto open = said.find('(');
    if (open == std::string_view::npos || said.size() < open * 2 + 3) return {};
    return said.substr(open + 1, said.size() - open * 2 - 3);
  }
  if (said.ends_with('"')) said.remove_suffix(1);
  return said;
}

}  // namespace tidings::check
