#include <algorithm>
#include <utility>

#include "check/parser.hpp"

// What stands in namespaces and classes.

namespace tidings::check {

namespace {

constexpr std::size_t scope_max = 1000;  // no name is longer; what stands deeper is left out

}  // namespace

void Parser::declarations(const Work& work) {
  const auto end = work.range.end;
  auto at = work.range.begin;
  while (at < end) {
    const auto before = at;
    at = declaration(work, at, end);
    if (at <= before) at = before + 1;  // whatever it was
  }
}

std::uint32_t Parser::declaration(const Work& work, std::uint32_t at, std::uint32_t end) {
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
  if (word == "using") return alias(at, end, is_template);
  if (word == "typedef") return type_definition(at, end);
  if (word == "static_assert" || word == "template" || word == "concept") return behind_statement(at, end);
  if (word == "enum") return enumeration(work, at, end);
  if (word == "friend") return behind_friend(at, end);
  if (word == "class" || word == "struct" || word == "union") {
    const auto behind = record(work, at, end, is_template);
    if (behind != none) return behind;
  }
  return declarator(work, at, end, is_template);
}

std::uint32_t Parser::name_space(const Work& work, std::uint32_t at, std::uint32_t end) {
  auto scope = work.scope;
  at = behind_attributes(at, end);
  if (is_name(at) && is(at + 1, "=")) return space_alias(at, end);
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

std::uint32_t Parser::space_alias(std::uint32_t at, std::uint32_t end) {
  const auto behind = behind_statement(at, end);
  SpaceAlias made{.name = tokens_[at].text, .space = {}};
  for (auto i = at + 2; i + 1 < behind; ++i)
    if (i > at + 2 || !is(i, "::")) made.space += tokens_[i].text;
  if (made.space.size() <= scope_max) out_.space_aliases.push_back(std::move(made));
  return behind;
}

std::uint32_t Parser::alias(std::uint32_t at, std::uint32_t end, bool is_template) {
  const auto behind = behind_statement(at, end);
  if (is(at + 1, "namespace")) {
    std::string name;
    for (auto i = at + 2; i + 1 < behind; ++i) name += tokens_[i].text;
    out_.used.push_back(std::move(name));
  } else if (behind >= at + 3 && is_name(behind - 2) && is(behind - 3, "::")) {
    out_.used_names.push_back(tokens_[behind - 2].text);
  }
  if (is_name(at + 1) && is(at + 2, "="))
    out_.aliases.push_back({tokens_[at + 1].text, {at + 3, behind - 1}, is_template});
  return behind;
}

/// `typedef std::int64_t Money;`, and no pointer to a function, array or struct without a name.
std::uint32_t Parser::type_definition(std::uint32_t at, std::uint32_t end) {
  const auto behind = behind_statement(at, end);
  if (behind < at + 4 || !is(behind - 1, ";") || !is_name(behind - 2)) return behind;
  for (auto i = at + 1; i + 2 < behind; ++i)
    if (is(i, "(") || is(i, "{") || is(i, "[") || is(i, "struct") || is(i, "enum")) return behind;
  out_.aliases.push_back({tokens_[behind - 2].text, {at + 1, behind - 2}});
  return behind;
}

std::uint32_t Parser::enumeration(const Work& work, std::uint32_t at, std::uint32_t end) {
  ++at;
  if (is(at, "class") || is(at, "struct")) ++at;
  at = behind_attributes(at, end);
  const auto behind = behind_statement(at, end);
  if (!is_name(at) || work.is_local || work.scope.size() > scope_max) return behind;
  auto open = at + 1;
  while (open < behind && !is(open, "{") && !is(open, ";")) ++open;
  if (open >= behind || !is(open, "{")) return behind;
  Enum made{tokens_[at].text, work.scope, {open + 1, matched(open, end)}, {}};
  for (const auto part : split(tokens_, out_.match, made.body)) {
    if (part.empty()) continue;
    const auto next = part.begin + 1;
    made.is_known = made.is_known && is_name(part.begin) && (next == part.end || is(next, "=") || is(next, "["));
    made.enumerators.push_back(tokens_[part.begin].text);
  }
  out_.enums.push_back(std::move(made));
  return behind;
}

std::uint32_t Parser::behind_friend(std::uint32_t at, std::uint32_t end) const {
  for (; at < end; ++at) {
    if (is(at, ";")) return at + 1;
    if (is(at, "{")) return matched(at, end) + 1;
    if (is(at, "(") || is(at, "[")) at = matched(at, end);
  }
  return end;
}

std::uint32_t Parser::record(const Work& work, std::uint32_t at, std::uint32_t end, bool is_template) {
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

std::uint32_t Parser::declarator(const Work& work, std::uint32_t at, std::uint32_t end, bool is_template) {
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

std::uint32_t Parser::behind_initialisers(std::uint32_t at, std::uint32_t end) const {
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

std::uint32_t Parser::function(const Work& work, Range head, std::uint32_t name, std::uint32_t paren, std::uint32_t at,
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

std::uint32_t Parser::variables(const Work& work, std::uint32_t at, std::uint32_t end) {
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

void Parser::add_variable(const Work& work, Range type, std::uint32_t name, Range value, bool has_value) {
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

}  // namespace tidings::check
