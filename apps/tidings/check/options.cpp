#include "check/options.hpp"

#include <algorithm>
#include <charconv>

namespace tidings::check {

namespace {

constexpr int depth_max = 4;  // variables of variables, functions of functions

class Reader {
 public:
  Reader(const Code& code, std::string_view field, OptionValues& out) : code_(code), field_(field), out_(out) {}

  void expression(const File& file, Range expression, int depth) {
    const auto& tokens = file.tokens();
    const auto& match = file.structure.match;
    if (expression.empty() || expression.end > tokens.size() || depth > depth_max) return unknown();
    const auto last = expression.end - 1;
    if (Code::is(file, expression.begin, "{") && match[expression.begin] == last)
      return braces(file, {expression.begin + 1, last});
    if (last == expression.begin) return name(file, last, depth);
    if ((tokens[last].is("}") || tokens[last].is(")")) && match[last] != none && match[last] > expression.begin) {
      const Range before{expression.begin, match[last]};
      if (are_options(file, before))
        return tokens[last].is("}") || match[last] + 1 == last
                   ? braces(file, {match[last] + 1, last})
                   : this->expression(file, {match[last] + 1, last}, depth + 1);
      if (tokens[last].is(")"))
        if (const auto* const made = whole_call(file, expression); made != nullptr) return call(file, *made, depth);
    }
    unknown();
  }

 private:
  void unknown() { out_.is_known = false; }
  void add(const File& file, Range value) { out_.values.push_back({&file, value}); }

  [[nodiscard]] bool are_options(const File& file, Range type) const {
    for (auto at = type.begin; at < type.end; ++at)
      if (!file.tokens()[at].is_identifier() && !Code::is(file, at, "::")) return false;
    return code_.is_of_tidings(code_.type_of(file, type), "HandlerOptions");
  }

  static const Call* whole_call(const File& file, Range expression) {
    for (const auto& call : Code::calls(file, expression))
      if (call.close == expression.end - 1 && Code::operand_begin(file, call) == expression.begin) return &call;
    return nullptr;
  }

  /// `.concurrency = 1, .deadline = 5s`
  void braces(const File& file, Range within) {
    for (const auto part : split(file.tokens(), file.structure.match, within)) {
      if (part.empty()) continue;
      if (!Code::is(file, part.begin, ".")) return unknown();  // by place, or a copy
      if (Code::text(file, part.begin + 1) != field_) continue;
      const auto begin = part.begin + (Code::is(file, part.begin + 2, "=") ? 3 : 2);
      return add(file, {begin, part.end});
    }
    out_.may_be_unset = true;
  }

  /// What a variable was made with, and what was done to it before it is used at `at`.
  void name(const File& file, std::uint32_t at, int depth) {
    const File* where = nullptr;
    const auto* const held =
        file.tokens()[at].is_identifier() ? code_.variable(file, Code::text(file, at), at, &where) : nullptr;
    if (held == nullptr || held->is_bound || (held->place != Place::local && held->place != Place::space))
      return unknown();
    const bool is_auto = Code::has_word(*where, held->type, "auto");
    if (!is_auto && !code_.is_of_tidings(code_.type_of(*where, held->type), "HandlerOptions")) return unknown();
    if (held->value.empty()) {
      if (is_auto || Code::has_word(*where, held->type, "extern")) return unknown();
      out_.may_be_unset = true;
    } else if (Code::is(*where, held->value.begin, "(")) {
      expression(*where, {held->value.begin + 1, held->value.end - 1}, depth + 1);
    } else {
      expression(*where, held->value, depth + 1);
    }
    if (held->is_constant) return;
    if (held->place == Place::space) return unknown();  // whoever changes it
    for (auto i = std::max(held->at + 1, held->value.end); i < at && out_.is_known; ++i)
      if (file.tokens()[i].is_identifier() && file.tokens()[i].text == held->name) changed(file, i);
  }

  void changed(const File& file, std::uint32_t at) {
    const auto before = at > 0 ? Code::text(file, at - 1) : std::string_view();
    if (before == "." || before == "->" || before == "::") return;  // another's
    if (Code::is(file, at + 1, ".")) {
      if (Code::text(file, at + 2) != field_) return;
      if (!Code::is(file, at + 3, "=")) return unknown();
      auto end = at + 4;
      while (end < file.tokens().size() && !Code::is(file, end, ";")) ++end;
      return add(file, {at + 4, end});
    }
    // Given by value to another handler it stays as it is.
    const bool is_given = before == "," && Code::is(file, at + 1, ",");
    if (!is_given) unknown();
  }

  void call(const File& file, const Call& made, int depth) {
    if (Code::text(file, made.name) == "move" && Code::qualifier(file, made) == "std")
      return expression(file, {made.open + 1, made.close}, depth + 1);
    const auto meant = code_.function_of(file, made);
    if (!meant || !meant->has_body || meant->is_template) return unknown();
    bool returns = false;
    for (auto at = meant->body.begin; at < meant->body.end; ++at) {
      if (!Code::is(*meant.file, at, "return") || Code::function_at(*meant.file, at, true) != meant.it) continue;
      auto end = at + 1;
      while (end < meant->body.end && !Code::is(*meant.file, end, ";")) {
        const auto other = meant.file->structure.match[end];
        end = other != none && other > end ? other + 1 : end + 1;
      }
      expression(*meant.file, {at + 1, std::min(end, meant->body.end)}, depth + 1);
      returns = true;
    }
    if (!returns) unknown();
  }

  const Code& code_;
  std::string_view field_;
  OptionValues& out_;
};

}  // namespace

OptionValues option_of(const Code& code, const Handler& handler, std::string_view field) {
  OptionValues out;
  if (handler.options)
    Reader(code, field, out).expression(*handler.file, *handler.options, 0);
  else
    out.is_known = false;
  return out;
}

std::uint64_t number_of(const Code& code, const File& file, Range value) {
  const File* where = &file;
  for (int depth = 0; depth < depth_max; ++depth) {
    if (!value.empty() && Code::is(*where, value.begin, "{") && where->structure.match[value.begin] == value.end - 1)
      value = {value.begin + 1, value.end - 1};
    if (value.end != value.begin + 1) return 0;
    const auto& token = where->tokens()[value.begin];
    if (token.kind == TokenKind::number) {
      std::uint64_t number = 0;
      std::string digits(token.text);
      std::erase(digits, '\'');
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
      const std::string_view suffix(end);
      const bool is_whole = error == std::errc{} && suffix.find_first_not_of("uUlLzZ") == std::string_view::npos &&
                            !(digits.starts_with('0') && digits.size() > 1);
      return is_whole ? number : 0;
    }
    if (!token.is_identifier()) return 0;
    const auto& from = *where;
    const auto* const held = code.variable(from, token.text, value.begin, &where);
    if (held == nullptr || !held->is_constant || held->place == Place::parameter) return 0;
    value = held->value;
  }
  return 0;
}

}  // namespace tidings::check
