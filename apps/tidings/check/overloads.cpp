#include <algorithm>
#include <limits>

#include "check/code.hpp"

// Which function a call means.
namespace tidings::check {

namespace {

constexpr std::size_t overloads_max = 48;  // of more nobody is told apart: each is compared with each
constexpr int argument_depth = 4;  // of `depth_max`: types of arguments are looked for behind three calls at most

/// One of its signature, and with how many arguments it is called.
struct Candidate {
  In<Function> function;
  std::size_t least = 0;
  std::size_t most = 0;
};

bool is_pack(const File& file, const Parameter& parameter) {
  for (auto at = parameter.type.begin; at < parameter.type.end; ++at)
    if (Code::is(file, at, "...")) return true;
  return false;
}

Candidate candidate_of(const In<Function>& function) {
  Candidate made{.function = function};
  for (const auto& one : function->parameters) {
    if (Code::text(*function.file, one.type.begin) == "void" && one.type.end == one.type.begin + 1) continue;
    if (is_pack(*function.file, one)) {
      made.most = std::numeric_limits<std::size_t>::max();
      break;
    }
    if (!one.has_value) made.least = made.most + 1;
    ++made.most;
  }
  return made;
}

/// Whether nothing else becomes one without being asked to: it has no constructor of its own, nor one of a base.
bool takes_only_itself(const Struct& one) {
  return one.bases.empty() && !one.is_template && std::ranges::find(one.functions, one.name) == one.functions.end();
}

/// Whether it becomes nothing else.
bool becomes_nothing_else(const Struct& one) {
  return one.bases.empty() && !one.is_template && std::ranges::find(one.functions, "operator") == one.functions.end();
}

bool is_number(std::string_view word) {
  return is_type_word(word) && word != "auto" && word != "void";
}

}  // namespace

bool Code::have_same_parameters(const In<Function>& one, const In<Function>& other) const {
  return std::ranges::equal(one->parameters, other->parameters, [&](const Parameter& a, const Parameter& b) {
    const auto left = type_of(*one.file, a.type);
    const auto right = type_of(*other.file, b.type);
    return left.name == right.name && left.is_pointer == right.is_pointer;
  });
}

/// False only where that is certain.
bool Code::may_take(const In<Function>& function, std::size_t at, const File& file, Range argument, int depth) const {
  if (at >= function->parameters.size() || argument.empty()) return true;
  const auto& parameter = function->parameters[at];
  const auto taken = type_of(*function.file, parameter.type);
  if (!taken || taken.is_pointer || function->is_template || is_pack(*function.file, parameter)) return true;
  const auto taken_struct = struct_of(taken);
  const bool is_text = taken.name == "string" || taken.name == "string_view";
  if (argument.end == argument.begin + 1) {
    const auto kind = file.tokens()[argument.begin].kind;
    if (kind == TokenKind::text || kind == TokenKind::number) {
      if (taken_struct) return !takes_only_itself(*taken_struct);
      return kind == TokenKind::number || !is_number(taken.name) || taken.name == "bool";
    }
  }
  if (is(file, argument.begin, "&")) return true;
  const auto given = type_of_expression(file, argument, depth);
  if (!given || given.is_pointer) return true;
  const auto given_struct = struct_of(given);
  if (!given_struct || !becomes_nothing_else(*given_struct)) return true;
  if (taken_struct) return taken_struct.it == given_struct.it || !takes_only_itself(*taken_struct);
  return !is_text && !is_number(taken.name);
}

In<Function> Code::overload(std::string_view of, const File& file, const Call& call, int depth,
                            std::string_view space) const {
  const auto found = members_.find({of, text(file, call.name)});
  if (found == members_.end()) return {};
  std::vector<Candidate> all;
  for (const auto& one : found->second)
    if (one->has_body && one->scope.ends_with(space)) all.push_back(candidate_of(one));
  // Of free functions those of this source hide what others have for themselves.
  if (of.empty() && std::ranges::any_of(all, [&](const auto& one) { return one.function.file == &file; }))
    std::erase_if(all, [&](const auto& one) { return one.function.file != &file; });
  const auto declared_only = std::ranges::count_if(found->second, [](const auto& one) { return !one->has_body; });
  if (all.empty() || std::max(all.size(), static_cast<std::size_t>(declared_only)) > overloads_max) return {};
  const auto bodies = all.size();
  for (const auto& one : found->second) {
    if (one->has_body) continue;
    const auto declared = candidate_of(one);
    bool is_known = false;
    for (std::size_t at = 0; at < bodies; ++at) {
      if (!have_same_parameters(one, all[at].function)) continue;
      is_known = true;
      all[at].least = std::min(all[at].least, declared.least);  // it is declarations that say what may be left out
    }
    const bool is_beside =
        !of.empty() || std::ranges::any_of(all, [&](const auto& other) { return other.function->scope == one->scope; });
    if (!is_known && is_beside) all.push_back(declared);
  }
  if (all.size() > 1) {
    const auto args = arguments(file, call);
    const auto count = args.size() == 1 && args[0].empty() ? 0 : args.size();
    std::erase_if(all, [&](const auto& one) { return count < one.least || count > one.most; });
    for (std::size_t at = 0; at < count && all.size() > 1 && depth <= argument_depth * 2; ++at)
      std::erase_if(
          all, [&](const auto& one) { return !may_take(one.function, at, file, args[at], depth + argument_depth); });
  }
  return all.size() == 1 && all[0].function->has_body ? all[0].function : In<Function>{};
}

In<Function> Code::function_of(const File& file, const Call& call, int depth) const {
  const auto name = text(file, call.name);
  if (has_receiver(file, call)) {
    if (is(file, call.name - 2, "this")) {
      const auto* const here = function_at(file, call.name, true);
      return here == nullptr || here->of.empty() ? In<Function>{} : overload(here->of, file, call, depth);
    }
    const auto of = struct_of(receiver(file, call, depth));
    return of ? overload(of->name, file, call, depth) : In<Function>{};
  }
  if (const auto of = qualifier(file, call); !of.empty()) {
    if (structs_.contains(of)) return overload(of, file, call, depth);
    return overload({}, file, call, depth, of);
  }
  if (call.name > 0 && is(file, call.name - 1, "::")) return {};
  // A lambda that has a name here.
  const File* where = nullptr;
  if (const auto* const held = variable(file, name, call.name, &where); held != nullptr) {
    if (held->value.empty() || !is(*where, held->value.begin, "[")) return {};
    return {where, lambda_at(*where, held->value.begin)};
  }
  if (const auto* const here = function_at(file, call.name, true); here != nullptr && !here->of.empty()) {
    // Those of the class hide all others.
    if (members_.contains({here->of, name})) return overload(here->of, file, call, depth);
  }
  return overload({}, file, call, depth);
}

}  // namespace tidings::check
