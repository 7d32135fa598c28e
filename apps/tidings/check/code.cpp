#include "check/code.hpp"

#include <algorithm>

namespace tidings::check {

namespace {

constexpr int depth_max = 12;

bool holds_another(std::string_view name) {
  for (const std::string_view one :
       {"unique_ptr", "shared_ptr", "weak_ptr", "optional", "Result", "expected", "reference_wrapper", "not_null"})
    if (name == one) return true;
  return false;
}

}  // namespace

Code::Code(const Project& project) : project_(&project) {
  for (const auto& file : project.files) {
    const auto& structure = file->structure;
    for (const auto& one : structure.structs) structs_[one.name].push_back({file.get(), &one});
    for (const auto& one : structure.functions)
      if (!one.is_lambda) functions_[one.name].push_back({file.get(), &one});
    for (const auto& one : structure.aliases) aliases_[one.name].push_back({file.get(), &one});
    auto& here = variables_[file.get()];
    for (const auto& one : structure.variables) {
      here[one.name].push_back(&one);
      if (one.place == Place::space) globals_[one.name].push_back({file.get(), &one});
    }
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
  return std::ranges::any_of(file.source.comments,
                             [&](const auto& one) { return one.last_line >= first_line && one.line <= last_line; });
}

const Function* Code::function_at(const File& file, std::uint32_t at, bool lambdas_too) {
  const Function* found = nullptr;
  for (const auto& one : file.structure.functions) {
    if (!one.has_body || !one.body.has(at) || (one.is_lambda && !lambdas_too)) continue;
    if (found == nullptr || one.body.begin >= found->body.begin) found = &one;
  }
  return found;
}

// ---- types

namespace {

struct Chain {
  std::uint32_t name = none;
  std::uint32_t qualifier = none;
  Range templates;
};

}  // namespace

static Type plain_type(const File& file, Range range, Chain* chain = nullptr) {
  Type out;
  out.file = &file;
  out.range = range;
  const auto& tokens = file.tokens();
  std::uint32_t name = none, qualifier = none;
  Range templates;
  for (auto at = range.begin; at < range.end && at < tokens.size(); ++at) {
    const auto& token = tokens[at];
    if (token.is("*")) out.is_pointer = true;
    if (token.is("&") || token.is("&&")) out.is_reference = true;
    if (token.is("const") || token.is("constexpr")) out.is_constant = true;
    if (token.is("<") && name != none) {
      const auto behind = behind_angles(tokens, file.structure.match, at, range.end);
      if (behind == none) break;
      templates = {at + 1, behind - 1};
      at = behind - 1;
      continue;
    }
    if (token.is("[") || token.is("(")) {
      const auto other = file.structure.match[at];
      if (other == none || other >= range.end) break;
      at = other;
      continue;
    }
    if (!token.is_identifier()) continue;
    if (is_keyword(token.text)) {
      for (const std::string_view word :
           {"int", "bool", "char", "double", "float", "long", "short", "unsigned", "signed", "auto", "void"})
        if (token.text == word && name == none) name = at;
      continue;
    }
    const bool goes_on = at > range.begin && tokens[at - 1].is("::") && name != none;
    if (goes_on) qualifier = name;
    if (name == none || goes_on || !is_keyword(tokens[name].text)) {
      if (name != none && !goes_on) continue;  // a macro behind it
      name = at;
      templates = {};
    }
  }
  if (name != none) out.name = tokens[name].text;
  if (qualifier != none) out.qualifier = tokens[qualifier].text;
  if (chain != nullptr) *chain = {name, qualifier, templates};
  return out;
}

Type Code::type_of(const File& file, Range type) const {
  const File* at = &file;
  for (int depth = 0; depth < depth_max; ++depth) {
    const auto found = plain_type(*at, type);
    if (!found) return found;
    const auto alias = aliases_.find(found.name);
    if (alias == aliases_.end() || alias->second.size() != 1 || structs_.contains(found.name)) return found;
    at = alias->second[0].file;
    type = alias->second[0]->type;
  }
  return {};
}

Type Code::held_type_of(const File& file, Range type) const {
  const File* at = &file;
  for (int depth = 0; depth < depth_max; ++depth) {
    Chain chain;
    auto found = plain_type(*at, type, &chain);
    if (!found) return found;
    if (holds_another(found.name) && !chain.templates.empty()) {
      type = split(at->tokens(), at->structure.match, chain.templates)[0];
      continue;
    }
    const auto alias = aliases_.find(found.name);
    if (alias == aliases_.end() || alias->second.size() != 1 || structs_.contains(found.name)) return found;
    at = alias->second[0].file;
    type = alias->second[0]->type;
  }
  return {};
}

// ---- variables

const Variable* Code::variable(const File& file, std::string_view name, std::uint32_t at, const File** where) const {
  if (where != nullptr) *where = &file;
  const auto& here = variables_.at(&file);
  const auto found = here.find(name);
  const Variable* best = nullptr;
  if (found != here.end())
    for (const auto* one : found->second) {
      if (!one->seen.has(at) || (one->at > at && one->place != Place::member)) continue;
      if (best == nullptr || one->place == Place::local || one->place == Place::parameter) {
        const bool is_nearer = best == nullptr || best->place == Place::space || best->place == Place::member ||
                               (one->seen.end - one->seen.begin) <= (best->seen.end - best->seen.begin);
        if (is_nearer) best = one;
      } else if (one->place == Place::member && best->place == Place::space) {
        best = one;
      }
    }
  if (best != nullptr && best->place != Place::space) return best;
  // A member of the class whose function this is.
  if (const auto* function = function_at(file, at, true); function != nullptr && !function->of.empty()) {
    const auto of = structs_named(function->of);
    if (of.size() == 1) {
      const auto& members = variables_.at(of[0].file);
      if (const auto member = members.find(name); member != members.end())
        for (const auto* one : member->second)
          if (one->place == Place::member && one->seen.begin == of[0]->body.begin) {
            if (where != nullptr) *where = of[0].file;
            return one;
          }
    }
  }
  if (best != nullptr) return best;
  const auto global = globals_.find(name);
  if (global == globals_.end()) return nullptr;
  const In<Variable>* only = nullptr;
  for (const auto& one : global->second) {
    if (one->is_extern) continue;
    if (only != nullptr) return nullptr;
    only = &one;
  }
  // One of another source is seen here only where a header says so.
  if (only == nullptr || (!only->file->is_header && only->file != &file && global->second.size() < 2)) return nullptr;
  if (where != nullptr) *where = only->file;
  return only->it;
}

Type Code::type_of_variable(const File& file, const Variable& variable, int depth) const {
  if (depth > depth_max || variable.is_bound) return {};
  const bool is_auto = variable.type.empty() || has_word(file, variable.type, "auto");
  if (!is_auto) return held_type_of(file, variable.type);
  if (variable.value.empty()) return {};
  auto value = variable.value;
  if ((is(file, value.begin, "{") || is(file, value.begin, "(")) && file.structure.match[value.begin] == value.end - 1)
    value = {value.begin + 1, value.end - 1};
  return type_of_expression(file, value, depth + 1);
}

Type Code::type_of_expression(const File& file, Range expression, int depth) const {
  if (depth > depth_max) return {};
  const auto& tokens = file.tokens();
  const auto& match = file.structure.match;
  for (;;) {
    if (expression.empty() || expression.end > tokens.size()) return {};
    if (is(file, expression.begin, "*") || is(file, expression.begin, "&") || is(file, expression.begin, "co_await")) {
      ++expression.begin;
    } else if (is(file, expression.begin, "(") && match[expression.begin] == expression.end - 1) {
      expression = {expression.begin + 1, expression.end - 1};
    } else {
      break;
    }
  }
  const auto last = expression.end - 1;
  if (last == expression.begin) {
    if (!tokens[last].is_identifier()) return {};
    const File* where = nullptr;
    const auto* const found = variable(file, tokens[last].text, last, &where);
    return found == nullptr ? Type{} : type_of_variable(*where, *found, depth + 1);
  }
  if (tokens[last].is("}") && match[last] != none && match[last] > expression.begin) {
    const auto found = held_type_of(file, {expression.begin, match[last]});
    for (auto at = expression.begin; at < match[last]; ++at)
      if (tokens[at].is("(") || tokens[at].is(".") || tokens[at].is("->")) return {};
    return found;
  }
  if (tokens[last].is(")") && match[last] != none) {
    for (const auto& call : calls(file, expression))
      if (call.close == last) {
        // Operators before it, at this level, make it something else.
        for (auto at = expression.begin; at < call.name; ++at) {
          if (tokens[at].is("(") || tokens[at].is("[") || tokens[at].is("{")) {
            if (match[at] != none) at = match[at];
            continue;
          }
          if (tokens[at].is("+") || tokens[at].is("?") || tokens[at].is("==") || tokens[at].is("&&") ||
              tokens[at].is("||"))
            return {};
        }
        return type_of_call(file, call, depth + 1);
      }
    return {};
  }
  // a.b
  if (tokens[last].is_identifier() && last >= expression.begin + 2 &&
      (is(file, last - 1, ".") || is(file, last - 1, "->"))) {
    const Type of =
        is(file, last - 2, "this") ? Type{} : type_of_expression(file, {expression.begin, last - 1}, depth + 1);
    if (is(file, last - 2, "this") && last - 2 == expression.begin) {
      const File* where = nullptr;
      const auto* const found = variable(file, tokens[last].text, last, &where);
      return found == nullptr || found->place != Place::member ? Type{} : type_of_variable(*where, *found, depth + 1);
    }
    const auto found = struct_of(of);
    if (!found) return {};
    for (const auto& member : found->members)
      if (member.name == tokens[last].text) return held_type_of(*found.file, member.type);
  }
  return {};
}

bool Code::has_receiver(const File& file, const Call& call) {
  return call.name > 0 && (is(file, call.name - 1, ".") || is(file, call.name - 1, "->"));
}

bool Code::is_statement(const File& file, const Call& call, bool* is_void) {
  const auto begin = operand_begin(file, call);
  if (is_void != nullptr) *is_void = false;
  if (!is(file, call.close + 1, ";") || begin == 0) return false;
  const auto& match = file.structure.match;
  auto before = begin - 1;
  if (is(file, before, ")") && match[before] != none && match[before] + 2 == before && is(file, before - 1, "void")) {
    if (is_void != nullptr) *is_void = true;
    if (match[before] == 0) return false;
    before = match[before] - 1;
  }
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

Type Code::receiver(const File& file, const Call& call, int depth) const {
  if (!has_receiver(file, call) || depth > depth_max) return {};
  const auto end = call.name - 1;
  return type_of_expression(file, {begin_of_operand(file, end), end}, depth + 1);
}

bool Code::is_of_tidings(const Type& type, std::string_view name) const {
  if (type.name != name) return false;
  if (type.qualifier == "tidings") return true;
  if (!type.qualifier.empty()) return false;
  if (!project_->uses_tidings) return false;
  for (const auto& one : structs_named(name))
    if (!one->scope.starts_with("tidings")) return false;  // one of the project's own
  return true;
}

std::vector<In<Struct>> Code::structs_named(std::string_view name) const {
  const auto found = structs_.find(name);
  return found == structs_.end() ? std::vector<In<Struct>>() : found->second;
}

In<Struct> Code::struct_named(std::string_view name) const {
  const auto found = structs_named(name);
  return found.size() == 1 ? found[0] : In<Struct>{};
}

/// Whether a name without a qualifier may mean a struct of that namespace.
static bool is_seen(const File& from, const Struct& one) {
  const auto& scope = one.scope;
  if (scope.empty()) return true;
  const auto& structure = from.structure;
  return std::ranges::any_of(structure.spaces,
                             [&](const auto& space) { return space == scope || space.starts_with(scope + "::"); }) ||
         std::ranges::any_of(structure.used,
                             [&](const auto& used) { return used == scope || scope.ends_with("::" + used); }) ||
         std::ranges::find(structure.used_names, one.name) != structure.used_names.end();
}

In<Struct> Code::struct_of(const Type& type) const {
  if (type.name.empty()) return {};
  auto found = structs_named(type.name);
  // What a source defines is seen there alone.
  if (type.file != nullptr)
    std::erase_if(found, [&](const auto& one) {
      return one.file != type.file && (!one.file->is_header || (type.qualifier.empty() && !is_seen(*type.file, *one)));
    });
  if (found.empty()) return {};
  if (!type.qualifier.empty())
    std::erase_if(found, [&](const auto& one) {
      const std::string_view scope = one->scope;
      return !(scope == type.qualifier || scope.ends_with("::" + std::string(type.qualifier)));
    });
  if (found.size() > 1) {
    std::vector<In<Struct>> here;
    for (const auto& one : found)
      if (one.file == type.file) here.push_back(one);
    if (here.size() == 1) return here[0];
  }
  // Without a qualifier one in a namespace of an older version is not meant.
  if (found.size() > 1 && type.qualifier.empty())
    std::erase_if(found, [](const auto& one) {
      const auto at = one->scope.rfind("::");
      const std::string_view last = std::string_view(one->scope).substr(at == std::string::npos ? 0 : at + 2);
      return last.size() > 1 && last[0] == 'v' && last.find_first_not_of("0123456789", 1) == std::string_view::npos;
    });
  return found.size() == 1 ? found[0] : In<Struct>{};
}

// ---- functions

In<Function> Code::function_named(std::string_view of, std::string_view name) const {
  const auto found = functions_.find(name);
  if (found == functions_.end()) return {};
  In<Function> only;
  for (const auto& one : found->second) {
    if (one->of != of || !one->has_body) continue;
    if (only) return {};
    only = one;
  }
  return only;
}

In<Function> Code::function_of(const File& file, const Call& call) const {
  const auto name = text(file, call.name);
  if (has_receiver(file, call)) {
    if (is(file, call.name - 2, "this")) {
      const auto* const here = function_at(file, call.name, true);
      return here == nullptr || here->of.empty() ? In<Function>{} : function_named(here->of, name);
    }
    const auto of = struct_of(receiver(file, call));
    return of ? function_named(of->name, name) : In<Function>{};
  }
  if (const auto of = qualifier(file, call); !of.empty()) {
    if (structs_.contains(of)) return function_named(of, name);
    const auto found = function_named({}, name);
    return found && found->scope.ends_with(of) ? found : In<Function>{};
  }
  if (call.name > 0 && is(file, call.name - 1, "::")) return {};
  // A lambda that has a name here.
  const File* where = nullptr;
  if (const auto* const held = variable(file, name, call.name, &where); held != nullptr) {
    if (held->value.empty() || !is(*where, held->value.begin, "[")) return {};
    for (const auto& one : where->structure.functions)
      if (one.is_lambda && one.at == held->value.begin) return {where, &one};
    return {};
  }
  if (const auto* const here = function_at(file, call.name, true); here != nullptr && !here->of.empty())
    if (const auto own = function_named(here->of, name)) return own;
  const auto found = functions_.find(name);
  if (found == functions_.end()) return {};
  In<Function> only, only_here;
  std::size_t all = 0, here = 0;
  for (const auto& one : found->second) {
    if (!one->of.empty() || !one->has_body) continue;
    ++all;
    only = one;
    if (one.file == &file) ++here, only_here = one;
  }
  if (here == 1) return only_here;
  return all == 1 && here == 0 ? only : In<Function>{};
}

Type Code::returned(std::string_view name, bool outermost) const {
  const auto found = functions_.find(name);
  if (found == functions_.end()) return {};
  Type only;
  for (const auto& one : found->second) {
    const auto type = outermost ? type_of(*one.file, one->returns) : held_type_of(*one.file, one->returns);
    if (!type || type.name == "auto" || (only && (only.name != type.name || only.qualifier != type.qualifier)))
      return {};
    only = type;
  }
  return only;
}

bool Code::returns_result(const File& file, const Call& call) const {
  const auto name = text(file, call.name);
  if (const auto meant = function_of(file, call)) {
    const auto type = type_of(*meant.file, meant->returns);
    return type.name == "Result" || type.name == "expected";
  }
  if (has_receiver(file, call)) {
    // Of a class that is not ours nobody knows, whatever other functions are called so.
    const auto of = struct_of(receiver(file, call));
    if (!of) return false;
  }
  const auto type = returned(name, true);
  return type.name == "Result" || type.name == "expected";
}

Type Code::type_of_call(const File& file, const Call& call, int depth) const {
  if (depth > depth_max) return {};
  const auto name = text(file, call.name);
  const auto named = [&](std::string_view what) { return Type{.name = what, .qualifier = "tidings", .file = &file}; };
  const auto args = arguments(file, call);
  if (has_receiver(file, call)) {
    if (name == "or_throw" || name == "value" || name == "get" || name == "lock" || name == "value_or")
      return receiver(file, call, depth + 1);
    const auto of = receiver(file, call, depth + 1);
    if (is_of_tidings(of, "Service")) {
      if (name == "broker") return named("Broker");
      if (name == "store") return named("Store");
      if (name == "on" || name == "use" || name == "every" || name == "on_any" || name == "saga")
        return named("Service");
    }
    if (is_of_tidings(of, "Store") && name == "begin") return named("Transaction");
    if (is_of_tidings(of, "Broker") && name == "publisher") return named("Publisher");
    const auto owner = struct_of(of);
    if (!owner) return {};
    if (const auto meant = function_named(owner->name, name)) return held_type_of(*meant.file, meant->returns);
    return returned(name, false);
  }
  const auto of = qualifier(file, call);
  if (of == "Service" && (name == "from_args" || name == "create")) return named("Service");
  if (name == "open_broker") return named("Broker");
  if (name == "open_store") return named("Store");
  if (name == "move" || name == "forward" || name == "ref" || name == "cref" || name == "as_const")
    return args.empty() ? Type{} : type_of_expression(file, args[0], depth + 1);
  if (name == "make_unique" || name == "make_shared")
    return call.templates.empty() ? Type{} : held_type_of(file, call.templates);
  if (const auto meant = function_of(file, call)) {
    const auto type = held_type_of(*meant.file, meant->returns);
    return type.name == "auto" ? Type{} : type;
  }
  if (structs_.contains(name) || name == "Bus" || name == "thread" || name == "jthread") {
    auto begin = call.name;
    while (begin >= 2 && is(file, begin - 1, "::")) begin -= 2;
    return held_type_of(file, {begin, call.open});
  }
  return returned(name, false);
}

}  // namespace tidings::check
