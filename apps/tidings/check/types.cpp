#include "check/code.hpp"

// Of which types variables, expressions and calls are.
namespace tidings::check {

namespace {

constexpr int depth_max = 12;

bool holds_another(std::string_view name) {
  for (const std::string_view one :
       {"unique_ptr", "shared_ptr", "weak_ptr", "optional", "Result", "expected", "reference_wrapper", "not_null"})
    if (name == one) return true;
  return false;
}

struct Chain {
  std::uint32_t name = none;
  std::uint32_t qualifier = none;
  Range templates;
};

Type plain_type(const File& file, Range range, Chain* chain = nullptr) {
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
      if (name == none && is_type_word(token.text)) name = at;
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

}  // namespace

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

Type Code::receiver(const File& file, const Call& call, int depth) const {
  if (!has_receiver(file, call) || depth > depth_max) return {};
  return type_of_expression(file, {operand_begin(file, call), call.name - 1}, depth + 1);
}

bool Code::is_of_tidings(const Type& type, std::string_view name) const {
  if (type.name != name) return false;
  if (space_named(type.qualifier) == "tidings") return true;
  if (!type.qualifier.empty()) return false;
  if (!project_->uses_tidings) return false;
  for (const auto& one : structs_named(name))
    if (!one->scope.starts_with("tidings")) return false;  // one of the project's own
  return true;
}

Type Code::returned(std::string_view name, bool outermost) const {
  const auto found = functions_.find(name);
  if (found == functions_.end()) return {};
  auto& known = returned_[outermost ? 1 : 0];
  if (const auto before = known.find(name); before != known.end()) return before->second;
  auto& only = known[name];
  for (const auto& one : found->second) {
    const auto type = outermost ? type_of(*one.file, one->returns) : held_type_of(*one.file, one->returns);
    if (!type || type.name == "auto" || (only && (only.name != type.name || only.qualifier != type.qualifier)))
      return only = {};
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
    if (const auto meant = overload(owner->name, file, call, depth)) return held_type_of(*meant.file, meant->returns);
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
  if (const auto meant = function_of(file, call, depth)) {
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
