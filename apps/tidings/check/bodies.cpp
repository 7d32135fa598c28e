#include <algorithm>
#include <utility>

#include "check/parser.hpp"

// What functions do: their variables, calls and lambdas.

namespace tidings::check {

namespace {

/// What may stand before a type and is none.
bool is_specifier(std::string_view word) {
  for (const std::string_view one :
       {"const", "constexpr", "consteval", "constinit", "static", "inline", "thread_local", "extern", "mutable",
        "volatile", "virtual", "explicit", "typename", "register", "friend"})
    if (word == one) return true;
  return false;
}

}  // namespace

void Parser::body(const Body& of) {
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
      if (is(at, "namespace") && is_name(at + 1) && is(at + 2, "=")) {
        at = space_alias(at + 1, of.range.end) - 1;
        begins = true;
        continue;
      }
      if (is(at, "using")) {
        at = alias(at, of.range.end, false) - 1;
        begins = true;
        continue;
      }
      if (is(at, "enum")) {
        at = enumeration({{}, {}, none, true}, at, of.range.end) - 1;
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

void Parser::lambda(std::uint32_t at, const Body& of, std::vector<std::uint32_t>& functions) {
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

void Parser::call(std::uint32_t at, std::uint32_t end) {
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

void Parser::local(std::uint32_t at, std::uint32_t block_end) {
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

std::uint32_t Parser::end_of_scope(std::uint32_t at, std::uint32_t block_end) {
  if (at == 0 || !is(at - 1, "(")) return block_end;
  // Of `if (…) … else if (…) …` and of `for (…) if (…) …` all end where the last one does: looked for once.
  std::vector<std::uint32_t> same{at - 1};
  auto behind = matched(at - 1, block_end) + 1;
  for (bool is_known = false; !is_known && behind < block_end;) {
    auto open = behind;
    if (is(open, "if") || is(open, "for") || is(open, "while") || is(open, "switch")) ++open;
    if (open > behind && is(open, "constexpr")) ++open;
    if (open > behind && is(open, "(")) {
      const auto known = scope_ends_.find(open);
      is_known = known != scope_ends_.end();
      if (!is_known) same.push_back(open);
      behind = is_known ? known->second : matched(open, block_end) + 1;
      continue;
    }
    behind = is(behind, "{") ? matched(behind, block_end) + 1 : behind_statement(behind, block_end);
    if (!is(behind, "else")) break;
    ++behind;
  }
  behind = std::min(behind, block_end);
  for (const auto one : same) scope_ends_[one] = behind;
  return behind;
}

}  // namespace tidings::check
