#include "check/code.hpp"

#include <algorithm>

// Where things stand: what tokens alone tell. What names mean is in names.cpp, of which types things are in types.cpp.
namespace tidings::check {

Code::Code(const Project& project) : project_(&project) {
  for (const auto& file : project.files) {
    const auto& structure = file->structure;
    for (const auto& one : structure.structs) structs_[one.name].push_back({file.get(), &one});
    for (const auto& one : structure.functions) {
      if (one.is_lambda) continue;
      functions_[one.name].push_back({file.get(), &one});
      members_[{one.of, one.name}].push_back({file.get(), &one});
    }
    for (const auto& one : structure.aliases) aliases_[one.name].push_back({file.get(), &one});
    for (const auto& one : structure.enums) enums_[one.name].push_back({file.get(), &one});
    for (const auto& one : structure.space_aliases) space_aliases_[one.name].push_back(one.space);
    auto& here = variables_[file.get()];
    for (const auto& one : structure.variables) {
      auto& named = here.named[one.name];
      named.seen.add(one.seen, static_cast<std::uint32_t>(named.all.size()));
      named.all.push_back(&one);
      here.all.push_back(&one);
      if (one.place == Place::space) globals_[one.name].push_back({file.get(), &one});
    }
    for (auto& [name, named] : here.named) named.seen.arrange();
    std::ranges::stable_sort(here.all, {}, &Variable::at);
  }
}

bool Code::is(const File& file, std::uint32_t at, std::string_view what) {
  return at < file.tokens().size() && file.tokens()[at].is(what);
}

std::string_view Code::text(const File& file, std::uint32_t at) {
  return at < file.tokens().size() ? file.tokens()[at].text : std::string_view();
}

std::vector<Range> Code::arguments(const File& file, const Call& call) {
  return split(file.tokens(), file.structure.match, {call.open + 1, call.close});
}

std::span<const Call> Code::calls(const File& file, Range range) {
  const auto& all = file.structure.calls;
  const auto begin = std::ranges::lower_bound(all, range.begin, {}, &Call::name);
  const auto end = std::ranges::lower_bound(all, std::max(range.begin, range.end), {}, &Call::name);
  return {begin, end};
}

bool Code::has_word(const File& file, Range range, std::string_view word) {
  for (auto at = range.begin; at < range.end && at < file.tokens().size(); ++at)
    if (file.tokens()[at].is_identifier() && file.tokens()[at].text == word) return true;
  return false;
}

bool Code::has_word_anywhere(std::string_view word) const {
  if (words_.empty())
    for (const auto& file : project_->files)
      for (const auto& token : file->tokens())
        if (token.is_identifier()) words_.insert(token.text);
  return words_.contains(word);
}

std::string Code::spelled(const File& file, Range range) {
  std::string out;
  bool was_word = false;
  for (auto at = range.begin; at < range.end && at < file.tokens().size(); ++at) {
    const auto& token = file.tokens()[at];
    const bool is_word = token.kind != TokenKind::punctuator;
    if (is_word && was_word) out += ' ';
    out += token.text;
    if (token.is(",")) out += ' ';
    was_word = is_word;
  }
  return out;
}

bool Code::has_comment(const File& file, std::uint32_t first_line, std::uint32_t last_line) {
  const auto first = std::ranges::lower_bound(file.source.comments, first_line, {}, &Comment::last_line);
  for (auto at = first; at != file.source.comments.end() && at->line <= last_line; ++at)
    if (!at->text.substr(std::min(at->text.find_first_not_of(" \t/*!"), at->text.size())).starts_with("tidings:"))
      return true;
  return false;
}

const Function* Code::function_at(const File& file, std::uint32_t at, bool lambdas_too) {
  const Function* found = nullptr;
  file.structure.bodies.around(at, [&](std::uint32_t number) {
    const auto& one = file.structure.functions[number];
    if (one.is_lambda && !lambdas_too) return false;
    found = &one;
    return true;
  });
  return found;
}

bool Code::calls_at_once(const File& file, std::uint32_t name) {
  if (name < 2 || !is(file, name - 1, "::") || (!is(file, name - 2, "std") && !is(file, name - 2, "ranges")))
    return false;
  return is(file, name, "visit") || is(file, name, "invoke") || is(file, name, "apply") || is(file, name, "for_each");
}

/// The bracket around `at` that is open there; `none` beyond a statement.
static std::uint32_t open_around(const File& file, std::uint32_t at) {
  const auto& match = file.structure.match;
  while (at > 0) {
    --at;
    const auto& token = file.tokens()[at];
    if (token.is(";")) return none;
    if (token.is("(") || token.is("{") || token.is("[")) return at;
    if ((token.is(")") || token.is("}") || token.is("]")) && match[at] != none) at = match[at];
  }
  return none;
}

const Function* Code::runner_at(const File& file, std::uint32_t at) {
  const auto* here = function_at(file, at, true);
  while (here != nullptr && here->is_lambda) {
    auto open = open_around(file, here->at);
    // `std::visit(overloaded{[](…) {…}, …}, event)`
    if (open != none && open > 0 && is(file, open, "{") && file.tokens()[open - 1].is_identifier())
      open = open_around(file, open - 1);
    if (open == none || open == 0 || !is(file, open, "(") || !calls_at_once(file, open - 1)) break;
    here = function_at(file, here->at, true);
  }
  return here;
}

const Function* Code::lambda_at(const File& file, std::uint32_t at) {
  const auto& structure = file.structure;
  const auto place = [&](std::uint32_t number) { return structure.functions[number].at; };
  const auto found = std::ranges::lower_bound(structure.lambdas, at, {}, place);
  return found == structure.lambdas.end() || place(*found) != at ? nullptr : &structure.functions[*found];
}

bool Code::has_receiver(const File& file, const Call& call) {
  return call.name > 0 && (is(file, call.name - 1, ".") || is(file, call.name - 1, "->"));
}

bool Code::is_statement(const File& file, const Call& call, bool* is_void) {
  const auto begin = operand_begin(file, call);
  if (is_void != nullptr) *is_void = false;
  if (begin == 0) return false;
  const auto& match = file.structure.match;
  auto before = begin - 1;
  auto behind = call.close + 1;
  const auto cast = [&](std::uint32_t to) {
    if (is_void != nullptr) *is_void = true;
    before = to;
  };
  if (is(file, before, ")") && match[before] != none && match[before] + 2 == before && is(file, before - 1, "void")) {
    if (match[before] == 0) return false;
    cast(match[before] - 1);
  } else if (is(file, before, "(") && match[before] == behind && before > 0) {
    // `static_cast<void>(…)`, `void(…)`
    auto at = before - 1;
    if (at > 3 && is(file, at, ">") && is(file, at - 1, "void") && is(file, at - 2, "<") &&
        is(file, at - 3, "static_cast"))
      at -= 3;
    else if (!is(file, at, "void"))
      return false;
    if (at == 0) return false;
    ++behind;
    cast(at - 1);
  } else if (is(file, before, "=") && before > 2 && is(file, before - 1, "ignore")) {
    // `std::ignore = …`
    auto at = before - 1;
    if (is(file, at - 1, "::") && is(file, at - 2, "std")) at -= 2;
    if (at == 0) return false;
    cast(at - 1);
  }
  if (!is(file, behind, ";")) return false;
  const auto& token = file.tokens()[before];
  if (token.is(";") || token.is("{") || token.is("}") || token.is("else") || token.is("do")) return true;
  if (!token.is(")") || match[before] == none || match[before] == 0) return false;
  const auto word = text(file, match[before] - 1);
  return word == "if" || word == "for" || word == "while" || word == "constexpr";
}

std::string_view Code::qualifier(const File& file, const Call& call) {
  if (call.name < 2 || !is(file, call.name - 1, "::")) return {};
  return file.tokens()[call.name - 2].is_identifier() ? text(file, call.name - 2) : std::string_view();
}

static bool is_joint(const Token& token) {
  return token.is(".") || token.is("->") || token.is("::");
}

/// Where the expression before a '.' or '->' begins.
static std::uint32_t begin_of_operand(const File& file, std::uint32_t end) {
  const auto& match = file.structure.match;
  auto at = end;
  while (at > 0) {
    const auto before = at - 1;
    const auto& token = file.tokens()[before];
    if (token.is("}") && at == end && match[before] != none && match[before] > 0 &&
        file.tokens()[match[before] - 1].is_identifier() && !is_keyword(file.tokens()[match[before] - 1].text)) {
      at = match[before] - 1;  // `std::thread{…}.detach()`
      continue;
    }
    if (token.is(")") || token.is("]")) {
      const bool goes_on =
          at == end || is_joint(file.tokens()[at]) || file.tokens()[at].is("(") || file.tokens()[at].is("[");
      if (match[before] == none || !goes_on) return at;  // `if (…) service`
      at = match[before];
      // The call's name, or its template arguments, stand before it.
      if (at > 0 && file.tokens()[at - 1].is(">")) {
        auto i = at - 1;
        for (int depth = 0; i > 0; --i) {
          depth += file.tokens()[i].is(">") ? 1 : file.tokens()[i].is("<") ? -1 : 0;
          if (depth == 0 || file.tokens()[i].is(";")) break;
        }
        at = i;
      }
      continue;
    }
    if (token.is_identifier() && (!is_keyword(token.text) || token.text == "this")) {
      const bool goes_on = at == end || is_joint(file.tokens()[at]) || file.tokens()[at].is("(") ||
                           file.tokens()[at].is("<") || file.tokens()[at].is("[");
      if (!goes_on) return at;
      at = before;
      continue;
    }
    if (is_joint(token)) {
      at = before;
      continue;
    }
    return at;
  }
  return at;
}

std::uint32_t Code::operand_begin(const File& file, const Call& call) {
  if (has_receiver(file, call)) return begin_of_operand(file, call.name - 1);
  auto begin = call.name;
  while (begin > 0 && is(file, begin - 1, "::"))
    begin -= begin > 1 && file.tokens()[begin - 2].is_identifier() && !is_keyword(text(file, begin - 2)) ? 2 : 1;
  return begin;
}

}  // namespace tidings::check
