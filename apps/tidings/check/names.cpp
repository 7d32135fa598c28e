#include <algorithm>

#include "check/code.hpp"

// Which variable, struct or function a name means.
namespace tidings::check {

namespace {

constexpr std::size_t scopes_max = 64;  // names that hide each other; what stands deeper is not known

}  // namespace

std::span<const Variable* const> Code::variables_in(const File& file, Range range) const {
  const auto& all = variables_.at(&file).all;
  const auto begin = std::ranges::lower_bound(all, range.begin, {}, &Variable::at);
  const auto end = std::ranges::lower_bound(all, std::max(range.begin, range.end), {}, &Variable::at);
  return {begin, end};
}

const Variable* Code::variable(const File& file, std::string_view name, std::uint32_t at, const File** where) const {
  if (where != nullptr) *where = &file;
  const auto& here = variables_.at(&file).named;
  const auto found = here.find(name);
  const Variable* best = nullptr;
  if (found != here.end()) {
    std::vector<std::uint32_t> numbers;
    found->second.seen.around(at, [&](std::uint32_t number) {
      numbers.push_back(number);
      return numbers.size() == scopes_max;
    });
    std::ranges::sort(numbers);
    for (const auto number : numbers) {
      const auto* const one = found->second.all[number];
      if (one->at > at && one->place != Place::member) continue;
      if (best == nullptr || one->place == Place::local || one->place == Place::parameter) {
        const bool is_nearer = best == nullptr || best->place == Place::space || best->place == Place::member ||
                               (one->seen.end - one->seen.begin) <= (best->seen.end - best->seen.begin);
        if (is_nearer) best = one;
      } else if (one->place == Place::member && best->place == Place::space) {
        best = one;
      }
    }
  }
  if (best != nullptr && best->place != Place::space) return best;
  // A member of the class whose function this is.
  if (const auto* function = function_at(file, at, true); function != nullptr && !function->of.empty()) {
    const auto of = structs_named(function->of);
    if (of.size() == 1) {
      const auto& members = variables_.at(of[0].file).named;
      const Variable* own = nullptr;
      if (const auto member = members.find(name); member != members.end())
        member->second.seen.around(of[0]->body.begin, [&](std::uint32_t number) {
          const auto* const one = member->second.all[number];
          if (one->place == Place::member && one->seen.begin == of[0]->body.begin) own = one;
          return own != nullptr;
        });
      if (own != nullptr) {
        if (where != nullptr) *where = of[0].file;
        return own;
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

std::vector<In<Variable>> Code::globals_named(std::string_view name) const {
  const auto found = globals_.find(name);
  return found == globals_.end() ? std::vector<In<Variable>>() : found->second;
}

std::string_view Code::space_named(std::string_view qualifier) const {
  const auto found = space_aliases_.find(qualifier);
  if (found == space_aliases_.end()) return qualifier;
  const auto& all = found->second;
  return std::ranges::all_of(all, [&](const auto& one) { return one == all[0]; }) ? all[0] : qualifier;
}

std::vector<In<Struct>> Code::structs_named(std::string_view name) const {
  const auto found = structs_.find(name);
  return found == structs_.end() ? std::vector<In<Struct>>() : found->second;
}

std::vector<In<Alias>> Code::aliases_named(std::string_view name) const {
  const auto found = aliases_.find(name);
  return found == aliases_.end() ? std::vector<In<Alias>>() : found->second;
}

In<Enum> Code::enum_named(std::string_view name) const {
  const auto joint = name.rfind("::");
  const auto found = enums_.find(joint == std::string_view::npos ? name : name.substr(joint + 2));
  if (found == enums_.end()) return {};
  In<Enum> only;
  for (const auto& one : found->second) {
    const auto full = one->scope + "::" + std::string(one->name);
    if (joint != std::string_view::npos && !full.ends_with("::" + std::string(name)) && full != name) continue;
    if (only) return {};
    only = one;
  }
  return only;
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
  const auto within = std::ranges::lower_bound(structure.spaces, scope + "::");
  return std::ranges::binary_search(structure.spaces, scope) ||
         (within != structure.spaces.end() && within->starts_with(scope + "::")) ||
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
  if (!type.qualifier.empty()) {
    const auto space = space_named(type.qualifier);
    const auto within = "::" + std::string(space);
    std::erase_if(found, [&](const auto& one) { return one->scope != space && !one->scope.ends_with(within); });
  }
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

In<Function> Code::call_operator(const In<Struct>& of) const {
  if (!of) return {};
  const auto found = members_.find({of->name, "operator"});
  if (found == members_.end()) return {};
  In<Function> only;
  for (const auto& one : found->second) {
    if (!one->has_body || !is(*one.file, one->at + 1, "(") || !is(*one.file, one->at + 2, ")")) continue;
    if (only) return {};
    only = one;
  }
  return only;
}

In<Function> Code::function_named(std::string_view of, std::string_view name) const {
  const auto found = members_.find({of, name});
  if (found == members_.end()) return {};
  In<Function> only;
  for (const auto& one : found->second) {
    if (!one->has_body) continue;
    if (only) return {};
    only = one;
  }
  return only;
}

}  // namespace tidings::check
