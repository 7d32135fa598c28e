#include "check/structure.hpp"

#include <algorithm>
#include <utility>

namespace tidings::check {

std::vector<std::uint32_t> match_brackets(const std::vector<Token>& tokens);

namespace {

bool is_type_word(std::string_view word) {
  for (const std::string_view one :
       {"auto", "bool", "char", "double", "float", "int", "long", "short", "signed", "unsigned", "void"})
    if (word == one) return true;
  return false;
}

constexpr std::size_t scope_max = 1000;  // no name is longer; what stands deeper is left out

/// What may stand before a type and is none.
bool is_specifier(std::string_view word) {
  for (const std::string_view one :
       {"const", "constexpr", "consteval", "constinit", "static", "inline", "thread_local", "extern", "mutable",
        "volatile", "virtual", "explicit", "typename", "register", "friend"})
    if (word == one) return true;
  return false;
}

class Parser {
 public:
  explicit Parser(const Tokens& source) : tokens_(source.tokens) { out_.match = match_brackets(tokens_); }

  Structure parse() {
    work_.push_back({{0, size()}, "", none, false});
    for (;;) {
      if (!work_.empty()) {
        auto next = std::move(work_.back());
        work_.pop_back();
        declarations(next);
      } else if (next_body_ < bodies_.size()) {
        auto next = bodies_[next_body_++];
        body(next);
      } else {
        break;
      }
    }
    std::ranges::sort(out_.calls, {}, &Call::name);
    return std::move(out_);
  }

 private:
  struct Work {
    Range range;
    std::string scope;
    std::uint32_t of = none;  ///< the struct
    bool is_local = false;
  };
  struct Body {
    Range range;
    std::uint32_t function = none;
    std::string scope;
  };

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(tokens_.size()); }
  [[nodiscard]] bool is(std::uint32_t at, std::string_view what) const { return at < size() && tokens_[at].is(what); }
  [[nodiscard]] bool is_name(std::uint32_t at) const {
    return at < size() && tokens_[at].is_identifier() && !is_keyword(tokens_[at].text);
  }
  [[nodiscard]] std::uint32_t matched(std::uint32_t at, std::uint32_t end) const {
    return out_.match[at] == none || out_.match[at] < at ? end : std::min(out_.match[at], end);
  }
  [[nodiscard]] std::uint32_t angles(std::uint32_t at, std::uint32_t end) const {
    return behind_angles(tokens_, out_.match, at, end);
  }

  /// Behind the next ';' at this level.
  [[nodiscard]] std::uint32_t behind_statement(std::uint32_t at, std::uint32_t end) const {
    for (; at < end; ++at) {
      if (is(at, ";")) return at + 1;
      if (is(at, "(") || is(at, "[") || is(at, "{")) at = matched(at, end);
    }
    return end;
  }

  [[nodiscard]] std::uint32_t behind_attributes(std::uint32_t at, std::uint32_t end) const {
    for (;;) {
      if (at + 1 < end && is(at, "[") && is(at + 1, "["))
        at = std::min(matched(at, end) + 1, end);
      else if (at + 1 < end && (is(at, "alignas") || is(at, "__attribute__") || is(at, "__declspec")) &&
               is(at + 1, "("))
        at = std::min(matched(at + 1, end) + 1, end);
      else
        return at;
    }
  }

  /// Behind `requires …`, a parenthesis or concepts joined by && and ||.
  [[nodiscard]] std::uint32_t behind_requires(std::uint32_t at, std::uint32_t end) const {
    ++at;
    while (at < end) {
      if (is(at, "!")) ++at;
      if (is(at, "requires")) ++at;
      if (is(at, "(")) {
        at = matched(at, end) + 1;
        if (is(at, "{")) at = matched(at, end) + 1;
      } else if (is(at, "{")) {
        at = matched(at, end) + 1;
      } else {
        while (is_name(at) || is(at, "::")) ++at;
        if (is(at, "<")) {
          const auto behind = angles(at, end);
          if (behind == none) return at;
          at = behind;
        }
        while (is(at, "::") || (is_name(at) && is(at - 1, "::"))) ++at;
      }
      if (!is(at, "&&") && !is(at, "||")) return std::min(at, end);
      ++at;
    }
    return end;
  }

  // ---- namespaces and classes

  void declarations(const Work& work) {
    const auto end = work.range.end;
    auto at = work.range.begin;
    while (at < end) {
      const auto before = at;
      at = declaration(work, at, end);
      if (at <= before) at = before + 1;  // whatever it was
    }
  }

  std::uint32_t declaration(const Work& work, std::uint32_t at, std::uint32_t end) {
    bool is_template = false;
    for (;;) {
      at = behind_attributes(at, end);
      if (at >= end) return end;
      if (is(at, "template") && is(at + 1, "<")) {
        const auto behind = angles(at + 1, end);
        if (behind == none) return behind_statement(at, end);
        at = behind;
        is_template = true;
        if (is(at, "requires")) at = behind_requires(at, end);
        continue;
      }
      if ((is(at, "public") || is(at, "private") || is(at, "protected")) && is(at + 1, ":")) {
        at += 2;
        continue;
      }
      break;
    }
    if (at >= end) return end;
    if (is(at, "inline") && is(at + 1, "namespace")) ++at;
    const auto word = tokens_[at].text;
    if (tokens_[at].is(";") || tokens_[at].is("}")) return at + 1;
    if (word == "namespace") return name_space(work, at + 1, end);
    if (word == "extern" && at + 1 < end && tokens_[at + 1].kind == TokenKind::text) {
      if (!is(at + 2, "{")) return at + 2;
      work_.push_back({{at + 3, matched(at + 2, end)}, work.scope, work.of, work.is_local});
      return matched(at + 2, end) + 1;
    }
    if (word == "using") return alias(at, end);
    if (word == "typedef" || word == "static_assert" || word == "template" || word == "concept")
      return behind_statement(at, end);
    if (word == "enum") return enumeration(at, end);
    if (word == "friend") return behind_friend(at, end);
    if (word == "class" || word == "struct" || word == "union") {
      const auto behind = record(work, at, end, is_template);
      if (behind != none) return behind;
    }
    return declarator(work, at, end, is_template);
  }

  std::uint32_t name_space(const Work& work, std::uint32_t at, std::uint32_t end) {
    auto scope = work.scope;
    at = behind_attributes(at, end);
    for (; at < end && !is(at, "{"); ++at) {
      if (is(at, ";") || is(at, "=")) return behind_statement(at, end);
      if (is_name(at)) scope += (scope.empty() ? "" : "::") + std::string(tokens_[at].text);
    }
    if (at >= end) return end;
    const auto close = matched(at, end);
    if (scope.size() > scope_max) return close + 1;
    out_.spaces.push_back(scope);
    work_.push_back({{at + 1, close}, std::move(scope), none, work.is_local});
    return close + 1;
  }

  std::uint32_t alias(std::uint32_t at, std::uint32_t end) {
    const auto behind = behind_statement(at, end);
    if (is(at + 1, "namespace")) {
      std::string name;
      for (auto i = at + 2; i + 1 < behind; ++i) name += tokens_[i].text;
      out_.used.push_back(std::move(name));
    } else if (behind >= at + 3 && is_name(behind - 2) && is(behind - 3, "::")) {
      out_.used_names.push_back(tokens_[behind - 2].text);
    }
    if (is_name(at + 1) && is(at + 2, "=")) out_.aliases.push_back({tokens_[at + 1].text, {at + 3, behind - 1}});
    return behind;
  }

  std::uint32_t enumeration(std::uint32_t at, std::uint32_t end) {
    ++at;
    if (is(at, "class") || is(at, "struct")) ++at;
    at = behind_attributes(at, end);
    if (is_name(at)) out_.enums.push_back(tokens_[at].text);
    return behind_statement(at, end);
  }

  /// A function may be defined in it.
  std::uint32_t behind_friend(std::uint32_t at, std::uint32_t end) const {
    for (; at < end; ++at) {
      if (is(at, ";")) return at + 1;
      if (is(at, "{")) return matched(at, end) + 1;
      if (is(at, "(") || is(at, "[")) at = matched(at, end);
    }
    return end;
  }

  /// A class that is defined here; `none` where the word only begins a type.
  std::uint32_t record(const Work& work, std::uint32_t at, std::uint32_t end, bool is_template) {
    auto i = behind_attributes(at + 1, end);
    auto name = none;
    while (i < end) {
      i = behind_attributes(i, end);
      if (is_name(i) && tokens_[i].text != "final") {
        name = i++;
      } else if (is(i, "::") || is(i, "final")) {
        ++i;
      } else if (is(i, "<") && name != none) {
        const auto behind = angles(i, end);
        if (behind == none) return none;
        i = behind;
        is_template = true;
      } else if (is(i, "(") && name != none && is_name(name)) {  // a macro with arguments before the name
        i = matched(i, end) + 1;
        if (!is_name(i)) return none;
      } else {
        break;
      }
    }
    Struct made;
    if (is(i, ":")) {
      made.bases.begin = i + 1;
      while (i < end && !is(i, "{") && !is(i, ";")) i = is(i, "(") ? matched(i, end) + 1 : i + 1;
      made.bases.end = i;
    }
    if (i >= end) return end;
    if (is(i, ";")) return i + 1;
    if (!is(i, "{")) return none;
    const auto close = matched(i, end);
    if (work.scope.size() > scope_max) return close + 1;
    made.body = {i + 1, close};
    made.scope = work.scope;
    made.at = name == none ? at : name;
    made.name = name == none ? std::string_view() : tokens_[name].text;
    made.is_template = is_template;
    made.is_local = work.is_local;
    auto scope = work.scope + (work.scope.empty() ? "" : "::") + std::string(made.name);
    out_.spaces.push_back(scope);
    const auto number = static_cast<std::uint32_t>(out_.structs.size());
    out_.structs.push_back(std::move(made));
    work_.push_back({{i + 1, close}, std::move(scope), number, work.is_local});
    // `struct { … } name;` names a member, or a variable, of a type without a name.
    const auto behind = behind_statement(close + 1, end);
    if (is_name(close + 1)) add_variable(work, {at, close + 1}, close + 1, {}, false);
    return behind;
  }

  /// A variable, a member, or a function: what else there is.
  std::uint32_t declarator(const Work& work, std::uint32_t at, std::uint32_t end, bool is_template) {
    const auto start = at;
    auto paren = none, name = none;
    for (; at < end; ++at) {
      const auto& token = tokens_[at];
      if (token.is("}")) return at + 1;
      if (token.is("operator") && paren == none) {
        name = at++;
        if (is(at, "(") && is(at + 1, ")")) at += 2;
        while (at < end && !is(at, "(") && !is(at, ";") && !is(at, "{")) ++at;
        if (!is(at, "(")) return behind_statement(at, end);
        paren = at;
        at = matched(at, end);
      } else if (token.is("(")) {
        const bool is_candidate = paren == none && at > start && (is_name(at - 1) || tokens_[at - 1].is(">"));
        if (is_candidate && tokens_[at - 1].is_identifier()) paren = at, name = at - 1;
        at = matched(at, end);
      } else if (token.is("[")) {
        at = matched(at, end);
      } else if (token.is("<") && at > start && tokens_[at - 1].is_identifier()) {
        const auto behind = angles(at, end);
        if (behind != none) at = behind - 1;
      } else if (token.is("requires") && paren != none) {
        at = behind_requires(at, end) - 1;
      } else if (token.is(":") && paren != none) {
        return function(work, {start, at}, name, paren, behind_initialisers(at, end), end, is_template);
      } else if (token.is("=") || token.is(";") || token.is(",") || token.is("{") ||
                 token.is(":")) {  // the last one: a bit-field
        if (paren != none) return function(work, {start, at}, name, paren, at, end, is_template);
        return variables(work, start, end);
      }
    }
    return end;
  }

  /// From the ':' behind a constructor's parameters, to the '{' of its body.
  [[nodiscard]] std::uint32_t behind_initialisers(std::uint32_t at, std::uint32_t end) const {
    ++at;
    while (at < end) {
      while (at < end && (is_name(at) || is(at, "::"))) ++at;
      if (is(at, "<")) {
        const auto behind = angles(at, end);
        if (behind == none) return end;
        at = behind;
      }
      if (!is(at, "(") && !is(at, "{")) return at;
      at = matched(at, end) + 1;
      if (is(at, "...")) ++at;
      if (!is(at, ",")) return at;
      ++at;
    }
    return end;
  }

  std::uint32_t function(const Work& work, Range head, std::uint32_t name, std::uint32_t paren, std::uint32_t at,
                         std::uint32_t end, bool is_template) {
    Function made;
    made.name = tokens_[name].text;
    made.scope = work.scope;
    made.at = name;
    made.is_template = is_template;
    auto first = name;
    while (first > head.begin + 1 && is(first - 1, "::")) first -= is_name(first - 2) ? 2 : 1;
    if (first < name && is_name(name - 2)) made.of = tokens_[name - 2].text;
    if (work.of != none) {
      made.of = out_.structs[work.of].name;
      out_.structs[work.of].functions.push_back(made.name);
    }
    made.returns = {head.begin, first};
    const auto close = matched(paren, end);
    made.parameters = parameters({paren + 1, close});
    for (auto i = close; i + 1 < at && i + 1 < end; ++i)
      if (is(i, "->")) {
        made.returns = {i + 1, at};
        break;
      }
    auto behind = at;
    if (is(at, "{")) {
      const auto body_end = matched(at, end);
      made.body = {at + 1, body_end};
      made.has_body = true;
      behind = body_end + 1;
      while (is(behind, "catch") && is(behind + 1, "(")) {
        behind = matched(behind + 1, end) + 1;
        if (is(behind, "{")) behind = matched(behind, end) + 1;
      }
    } else {
      behind = behind_statement(at, end);
    }
    const auto number = static_cast<std::uint32_t>(out_.functions.size());
    if (made.has_body) bodies_.push_back({made.body, number, made.scope});
    add_parameters(made);
    out_.functions.push_back(std::move(made));
    return behind;
  }

  void add_parameters(const Function& of) {
    for (const auto& one : of.parameters)
      if (!one.name.empty() && of.has_body)
        out_.variables.push_back(
            {.name = one.name, .at = one.type.end, .type = one.type, .seen = of.body, .place = Place::parameter});
  }

  std::vector<Parameter> parameters(Range range) const {
    std::vector<Parameter> found;
    for (auto part : split(tokens_, out_.match, range)) {
      part.begin = behind_attributes(part.begin, part.end);
      auto end = part.begin;
      for (; end < part.end && !is(end, "="); ++end) {
        if (is(end, "(") || is(end, "[") || is(end, "{")) end = matched(end, part.end);
        if (is(end, "<")) {
          const auto behind = angles(end, part.end);
          if (behind != none) end = behind - 1;
        }
      }
      end = std::min(end, part.end);
      if (part.begin >= end) continue;
      const bool named = end - part.begin > 1 && is_name(end - 1) && !is(end - 2, "::");
      found.push_back({named ? tokens_[end - 1].text : std::string_view(), {part.begin, named ? end - 1 : end}});
    }
    return found;
  }

  /// `int a = 1, b{2};` at the level of namespaces and classes.
  std::uint32_t variables(const Work& work, std::uint32_t at, std::uint32_t end) {
    const auto behind = behind_statement(at, end);
    auto name = none;
    auto i = at;
    for (; i < behind; ++i) {
      if (is(i, "=") || is(i, ";") || is(i, ",") || is(i, "{") || is(i, ":")) break;
      if (is(i, "[")) {
        if (name != none && i == name + 1) break;
        i = matched(i, behind);
        continue;
      }
      if (is(i, "(")) i = matched(i, behind);
      if (is(i, "<")) {
        const auto past = angles(i, behind);
        if (past != none) i = past - 1;
        continue;
      }
      if (is_name(i)) name = i;
    }
    if (name == none || name == at) return behind;
    const Range type{at, name};
    while (name != none && i < behind) {
      Range value{i, i};
      bool has_value = false;
      if (is(i, "[")) i = matched(i, behind) + 1;
      if (is(i, ":"))
        while (i < behind && !is(i, "=") && !is(i, "{") && !is(i, ";") && !is(i, ",")) ++i;
      if (is(i, "=")) {
        value.begin = ++i;
        while (i < behind && !is(i, ";") && !is(i, ",")) {
          if (is(i, "(") || is(i, "[") || is(i, "{")) i = matched(i, behind);
          if (is(i, "<")) {
            const auto past = angles(i, behind);
            if (past != none) i = past - 1;
          }
          ++i;
        }
        value.end = std::min(i, behind);
        has_value = true;
      } else if (is(i, "{")) {
        value = {i, std::min(matched(i, behind) + 1, behind)};
        i = value.end;
        has_value = true;
      }
      add_variable(work, type, name, value, has_value);
      name = none;
      if (is(i, ",")) {
        ++i;
        while (is(i, "*") || is(i, "&")) ++i;
        if (is_name(i)) name = i++;
      }
    }
    return behind;
  }

  void add_variable(const Work& work, Range type, std::uint32_t name, Range value, bool has_value) {
    bool is_static = false, is_constant = false, is_thread_local = false, is_extern = false;
    for (auto i = type.begin; i < type.end; ++i) {
      is_static = is_static || is(i, "static");
      is_constant = is_constant || is(i, "constexpr") || is(i, "const");
      is_thread_local = is_thread_local || is(i, "thread_local");
      is_extern = is_extern || is(i, "extern");
      if (is(i, "<")) {
        const auto behind = angles(i, type.end);
        if (behind != none) i = behind - 1;
      }
      if (is(i, "*")) is_constant = false;  // `const char* p`: what it points to is
      if (is(i, "{")) i = matched(i, type.end);
    }
    if (work.of != none)
      out_.structs[work.of].members.push_back({tokens_[name].text, name, type, value, has_value, is_static});
    const Range seen = work.of != none ? out_.structs[work.of].body : Range{name, size()};
    out_.variables.push_back({.name = tokens_[name].text,
                              .at = name,
                              .type = type,
                              .value = value,
                              .seen = seen,
                              .place = work.of != none ? Place::member : Place::space,
                              .is_static = is_static,
                              .is_constant = is_constant,
                              .is_thread_local = is_thread_local,
                              .is_extern = is_extern});
    if (!value.empty()) bodies_.push_back({value, none, work.scope});  // a lambda may stand in it
  }

  // ---- what functions do

  void body(const Body& of) {
    std::vector<std::uint32_t> blocks;     // ends of those that are open
    std::vector<std::uint32_t> functions;  // lambdas that are open
    bool begins = of.function != none;
    for (auto at = of.range.begin; at < of.range.end; ++at) {
      while (!blocks.empty() && at >= blocks.back()) blocks.pop_back();
      while (!functions.empty() && at >= out_.functions[functions.back()].body.end) functions.pop_back();
      const auto block_end = blocks.empty() ? of.range.end : blocks.back();
      if (begins) {
        begins = false;
        if (is(at, "struct") || is(at, "class") || is(at, "union")) {
          const Work work{of.range, of.scope, none, true};
          const auto behind = record(work, at, of.range.end, false);
          if (behind != none && behind > at) {
            at = behind - 1;
            begins = true;
            continue;
          }
        }
        if (is(at, "using")) {
          at = alias(at, of.range.end) - 1;
          begins = true;
          continue;
        }
        if (is(at, "enum")) {
          at = enumeration(at, of.range.end) - 1;
          begins = true;
          continue;
        }
        local(at, block_end);
      }
      const auto& token = tokens_[at];
      if (token.kind == TokenKind::identifier) {
        if (token.text == "else" || token.text == "do" || token.text == "try") begins = true;
        if (!is_keyword(token.text)) call(at, of.range.end);
        continue;
      }
      if (token.kind != TokenKind::punctuator) continue;
      if (token.text == "{") {
        blocks.push_back(matched(at, block_end));
        begins = true;
      } else if (token.text == ";" || token.text == "}") {
        begins = true;
      } else if (token.text == ")") {
        const auto open = out_.match[at];
        begins = open != none && open > 0 &&
                 (is(open - 1, "if") || is(open - 1, "for") || is(open - 1, "while") || is(open - 1, "constexpr"));
      } else if (token.text == "(" && at > 0) {
        begins = is(at - 1, "if") || is(at - 1, "for") || is(at - 1, "while") || is(at - 1, "switch") ||
                 is(at - 1, "catch") || (is(at - 1, "constexpr") && at > 1 && is(at - 2, "if"));
      } else if (token.text == "[") {
        lambda(at, of, functions);
      }
    }
  }

  void lambda(std::uint32_t at, const Body& of, std::vector<std::uint32_t>& functions) {
    const auto end = of.range.end;
    if (is(at + 1, "[")) return;
    if (at > of.range.begin) {
      const auto& before = tokens_[at - 1];
      const bool is_word =
          before.is("return") || before.is("co_return") || before.is("co_yield") || before.is("co_await");
      if (!is_word && (before.kind == TokenKind::identifier || before.kind == TokenKind::text || before.is(")") ||
                       before.is("]") || before.is("[") || before.is("}")))
        return;
    }
    const auto close = matched(at, end);
    if (close >= end) return;
    auto i = close + 1;
    Function made;
    made.is_lambda = true;
    made.at = at;
    made.scope = of.scope;
    made.captures = {at + 1, close};
    if (of.function != none) made.of = out_.functions[of.function].of;
    if (is(i, "<")) {
      const auto behind = angles(i, end);
      if (behind == none) return;
      i = behind;
      made.is_template = true;
    }
    if (is(i, "requires")) i = behind_requires(i, end);
    i = behind_attributes(i, end);
    if (is(i, "(")) {
      made.parameters = parameters({i + 1, matched(i, end)});
      i = matched(i, end) + 1;
    }
    for (; i < end && !is(i, "{"); ++i) {
      if (is(i, "->")) {
        made.returns = {i + 1, i + 1};
        for (++i; i < end && !is(i, "{"); ++i) {
          if (is(i, "<")) {
            const auto behind = angles(i, end);
            if (behind == none) return;
            i = behind - 1;
          }
          if (is(i, "(")) i = matched(i, end);
          if (is(i, ";") || is(i, ")")) return;
        }
        made.returns.end = i;
        break;
      }
      if (is(i, "(")) i = matched(i, end);
      if (!is(i, "mutable") && !is(i, "noexcept") && !is(i, "constexpr") && !is(i, "static") && !is(i, ")")) return;
    }
    if (!is(i, "{") || matched(i, end) >= end) return;
    made.body = {i + 1, matched(i, end)};
    made.has_body = true;
    made.within = functions.empty() ? of.function : functions.back();
    add_parameters(made);
    functions.push_back(static_cast<std::uint32_t>(out_.functions.size()));
    // `[x = expression]`
    for (const auto part : split(tokens_, out_.match, made.captures))
      for (auto name = part.begin; name < part.end; ++name)
        if (is(name + 1, "=") && name + 1 < part.end && is_name(name)) {
          out_.variables.push_back(
              {.name = tokens_[name].text, .at = name, .type = {}, .value = {name + 2, part.end}, .seen = made.body});
          break;
        }
    out_.functions.push_back(std::move(made));
  }

  void call(std::uint32_t at, std::uint32_t end) {
    Call made{.name = at, .templates = {}, .open = at + 1};
    if (is(at + 1, "<")) {
      const auto behind = angles(at + 1, end);
      if (behind == none) return;
      made.templates = {at + 2, behind - 1};
      made.open = behind;
    }
    if (made.open >= end || !is(made.open, "(")) return;
    made.close = matched(made.open, end);
    if (made.close < end) out_.calls.push_back(made);
  }

  /// A variable, where a statement begins with one.
  void local(std::uint32_t at, std::uint32_t block_end) {
    const auto start = at;
    bool is_static = false, is_constant = false, is_constexpr = false, is_thread_local = false, is_auto = false;
    at = behind_attributes(at, block_end);
    const auto specifiers = [&] {
      for (; at < block_end && tokens_[at].is_identifier() && is_specifier(tokens_[at].text); ++at) {
        is_static = is_static || is(at, "static");
        is_constexpr = is_constexpr || is(at, "constexpr");
        is_constant = is_constant || is(at, "constexpr") || is(at, "const");
        is_thread_local = is_thread_local || is(at, "thread_local");
      }
    };
    specifiers();
    if (is(at, "struct") || is(at, "class")) ++at;
    const auto type_begin = at;
    if (at >= block_end) return;
    if (tokens_[at].is_identifier() && is_type_word(tokens_[at].text)) {
      is_auto = is(at, "auto");
      while (at < block_end && tokens_[at].is_identifier() && is_type_word(tokens_[at].text)) ++at;
    } else if (is(at, "decltype") && is(at + 1, "(")) {
      at = matched(at + 1, block_end) + 1;
    } else {
      if (is(at, "::")) ++at;
      for (;;) {
        if (!is_name(at)) return;
        ++at;
        if (is(at, "<")) {
          const auto behind = angles(at, block_end);
          if (behind == none) return;
          at = behind;
        }
        if (!is(at, "::")) break;
        ++at;
      }
    }
    bool points = false;
    while (is(at, "*") || is(at, "&") || is(at, "&&") || is(at, "const")) {
      points = points || is(at, "*");
      is_constant = is_constant || (is(at, "const") && !points);
      ++at;
    }
    const auto scope_end = end_of_scope(start, block_end);
    if (is_auto && is(at, "[")) {
      const auto close = matched(at, block_end);
      for (auto i = at + 1; i < close; ++i)
        if (is_name(i))
          out_.variables.push_back(
              {.name = tokens_[i].text, .at = i, .type = {type_begin, at}, .seen = {i, scope_end}, .is_bound = true});
      return;
    }
    if (!is_name(at) || at + 1 >= size()) return;
    Variable made{.name = tokens_[at].text,
                  .at = at,
                  .type = {type_begin, at},
                  .seen = {at, scope_end},
                  .is_static = is_static,
                  .is_constant = is_constant && !points,
                  .is_thread_local = is_thread_local,
                  .is_constexpr = is_constexpr};
    ++at;
    if (is(at, "=")) {
      made.value = {at + 1, at + 1};
      auto i = at + 1;
      for (; i < block_end && !is(i, ";") && !is(i, ","); ++i) {
        if (is(i, ")")) break;
        if (is(i, "(") || is(i, "[") || is(i, "{")) i = matched(i, block_end);
        if (is(i, "<")) {
          const auto behind = angles(i, block_end);
          if (behind != none) i = behind - 1;
        }
      }
      made.value.end = std::min(i, block_end);
    } else if (is(at, "{")) {
      made.value = {at, std::min(matched(at, block_end) + 1, block_end)};
    } else if (is(at, "(")) {
      made.value = {at, std::min(matched(at, block_end) + 1, block_end)};
      if (!is(made.value.end, ";") && !is(made.value.end, ",")) return;  // a call behind a macro, or a function
    } else if (!is(at, ";") && !is(at, ":") && !is(at, ",") && !is(at, "[") && !is(at, ")")) {
      return;
    }
    out_.variables.push_back(made);
    // `int a = 1, b = 2;`
    auto i = made.value.empty() ? at : made.value.end;
    while (is(i, ",") && is_name(i + 1) && i + 2 < block_end) {
      auto next = made;
      next.name = tokens_[i + 1].text;
      next.at = i + 1;
      next.value = {};
      i += 2;
      if (is(i, "=")) {
        next.value.begin = ++i;
        for (; i < block_end && !is(i, ";") && !is(i, ","); ++i)
          if (is(i, "(") || is(i, "[") || is(i, "{")) i = matched(i, block_end);
        next.value.end = i;
      } else if (is(i, "{") || is(i, "(")) {
        next.value = {i, std::min(matched(i, block_end) + 1, block_end)};
        i = next.value.end;
      }
      if (!is(i, ";") && !is(i, ",")) break;
      out_.variables.push_back(next);
    }
  }

  /// A variable lives as long as its block; one of `if (…)` or `for (…)` as long as that.
  [[nodiscard]] std::uint32_t end_of_scope(std::uint32_t at, std::uint32_t block_end) const {
    if (at == 0 || !is(at - 1, "(")) return block_end;
    auto behind = matched(at - 1, block_end) + 1;
    for (;;) {
      behind = is(behind, "{") ? matched(behind, block_end) + 1 : behind_statement(behind, block_end);
      if (!is(behind, "else")) return std::min(behind, block_end);
      ++behind;
      if (is(behind, "if") && is(behind + 1, "(")) behind = matched(behind + 1, block_end) + 1;
    }
  }

  const std::vector<Token>& tokens_;
  Structure out_;
  std::vector<Work> work_;
  std::vector<Body> bodies_;
  std::size_t next_body_ = 0;
};

}  // namespace

Structure find_structure(const Tokens& source) {
  return Parser(source).parse();
}

}  // namespace tidings::check
