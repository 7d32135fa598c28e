#include "check/options.hpp"
#include "check/rules/all.hpp"
#include "check/rules/words.hpp"

namespace tidings::check {

namespace {

/// Types that several threads must not change at once, for sure.
bool is_plain(const Code& code, const File& file, const Variable& variable) {
  const auto type = code.type_of(file, variable.type);
  if (type.is_pointer || type.is_reference) return false;
  if (is_one_of(type.name, {"int", "bool", "char", "double", "float", "long", "short", "unsigned", "signed"}))
    return true;
  if (type.qualifier != "std" && !type.qualifier.empty()) return false;
  if (is_one_of(type.name, {"size_t", "int8_t", "int16_t", "int32_t", "int64_t", "uint8_t", "uint16_t", "uint32_t",
                            "uint64_t", "ptrdiff_t"}))
    return true;
  return type.qualifier == "std" &&
         is_one_of(type.name, {"string", "vector", "map", "unordered_map", "set", "unordered_set", "deque", "list",
                               "optional", "multimap", "queue", "array"});
}

/// Whether it is written at `at`.
bool is_written(const File& file, std::uint32_t at) {
  const auto& match = file.structure.match;
  auto begin = at;  // of `metrics::count`
  while (begin > 0 && Code::is(file, begin - 1, "::"))
    begin -= begin > 1 && file.tokens()[begin - 2].is_identifier() ? 2 : 1;
  if (begin > 0 && (Code::is(file, begin - 1, "++") || Code::is(file, begin - 1, "--"))) return true;
  auto next = at + 1;
  while (Code::is(file, next, "[") && match[next] != none) next = match[next] + 1;
  for (const std::string_view one : {"=", "++", "--", "+=", "-=", "*=", "/=", "|=", "&="})
    if (Code::is(file, next, one)) return true;
  return Code::is(file, next, ".") &&
         is_one_of(Code::text(file, next + 1), {"push_back", "emplace_back", "insert", "emplace", "erase", "clear",
                                                "push", "pop", "pop_back", "pop_front", "push_front", "try_emplace",
                                                "insert_or_assign", "append", "resize", "reset", "swap", "assign"});
}

/// Whether something is locked in a block around `at`, before it.
bool is_locked(const Code& code, const File& file, Range body, std::uint32_t at) {
  for (const auto* const local : code.variables_in(file, {body.begin, at})) {
    const auto& one = *local;
    if (one.place != Place::local || !one.seen.has(at)) continue;
    for (auto i = one.type.begin; i < one.type.end; ++i) {
      const auto word = in_lower_case(Code::text(file, i));
      if (word.find("lock") != std::string::npos || word.find("guard") != std::string::npos) return true;
    }
    if (Code::has_word(file, one.value, "lock") || Code::has_word(file, one.value, "unique_lock") ||
        Code::has_word(file, one.value, "lock_guard") || Code::has_word(file, one.value, "scoped_lock"))
      return true;
  }
  for (const auto& call : Code::calls(file, {body.begin, at})) {
    const auto name = Code::text(file, call.name);
    const bool is_macro = std::ranges::none_of(name, [](unsigned char c) { return std::islower(c) != 0; }) &&
                          name.find("LOCK") != std::string_view::npos && name.find("UNLOCK") == std::string_view::npos;
    if (is_macro || is_one_of(name, {"lock", "lock_shared", "call_once", "with_lock", "synchronized"})) return true;
  }
  return false;
}

/// Which of what a handler runs is called under a lock alone.
std::vector<bool> locked_of(const Code& code, const std::vector<Run>& runs) {
  std::vector<bool> is_bare(runs.size());
  if (!runs.empty()) is_bare[0] = true;
  for (bool goes_on = true; goes_on;) {
    goes_on = false;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (is_bare[i]) continue;
      is_bare[i] = std::ranges::any_of(runs[i].calls, [&](const auto& call) {
        const auto& by = runs[call.first].function;
        return is_bare[call.first] && !is_locked(code, *by.file, by->body, call.second);
      });
      goes_on = goes_on || is_bare[i];
    }
  }
  is_bare.flip();
  return is_bare;
}

/// Whether a name is surely that of the variable of a namespace: no other of its name may be meant, such as an atomic
/// in a namespace that is used, and where it is qualified it is so by a namespace of the project.
bool is_meant(const Code& code, const File& file, std::uint32_t at, const File& where) {
  const auto all = code.globals_named(Code::text(file, at));
  if (!std::ranges::all_of(all, [&](const auto& one) { return is_plain(code, *one.file, *one); })) return false;
  if (at == 0 || !Code::is(file, at - 1, "::")) return true;
  if (at == 1 || !file.tokens()[at - 2].is_identifier() || is_keyword(Code::text(file, at - 2))) return all.size() == 1;
  const std::string space(code.space_named(Code::text(file, at - 2)));
  return all.size() == 1 && code.structs_named(space).empty() &&
         std::ranges::any_of(where.structure.spaces,
                             [&](const auto& one) { return one == space || one.ends_with("::" + space); });
}

/// Whether it surely runs in several lanes.
bool runs_in_parallel(const Code& code, const Handler& handler) {
  if (handler.takes_batch) return false;
  const auto lanes = option_of(code, handler, "concurrency");
  return lanes.is_known &&
         std::ranges::all_of(lanes.values, [&](const auto& one) { return number_of(code, *one.file, one.range) > 1; });
}

void run(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code& code, const Facts& facts) {
    for (const auto& handler : facts.handlers) {
      if (handler.kind != HandlerKind::service || !runs_in_parallel(code, handler)) continue;
      // What is given away, to a strand, a pool or a function that locks, nobody knows here.
      const auto runs = facts.runs(handler);
      const auto is_called_locked = locked_of(code, runs);
      for (std::size_t i = 0; i < runs.size(); ++i) {
        if (is_called_locked[i]) continue;
        const auto& file = *runs[i].function.file;
        const auto body = runs[i].function->body;
        for (auto at = body.begin; at < body.end; ++at) {
          const auto& token = file.tokens()[at];
          if (!token.is_identifier() || is_keyword(token.text) || !is_written(file, at)) continue;
          if (at > 0 && (Code::is(file, at - 1, ".") || Code::is(file, at - 1, "->"))) continue;
          const File* where = nullptr;
          const auto* const found = code.variable(file, token.text, at, &where);
          if (found == nullptr || found->at == at) continue;
          const bool is_of_space = found->place == Place::space;
          if (!is_of_space && (found->place != Place::local || !found->is_static)) continue;
          if (found->is_constant || found->is_thread_local || !is_plain(code, *where, *found)) continue;
          if (is_of_space && !is_meant(code, file, at, *where)) continue;
          if (Code::runner_at(file, at) != runs[i].function.it || is_locked(code, file, body, at)) continue;
          sink.add(
              project, file, at,
              quoted(token.text) + ", which all threads share, is changed in " + name_of(handler) + " without a lock");
        }
      }
    }
  });
}

}  // namespace

const Rule mutable_global_in_handler{
    .id = "mutable-global-in-handler",
    .severity = Severity::error,
    .finds = "A variable of a namespace, or a static one, that a handler changes without a lock.",
    .can_happen =
        "A handler is called by several threads at once, for different keys: counts are lost, containers break, the "
        "process crashes now and then.",
    .to_do =
        "Make it std::atomic, guard it with a std::mutex, or keep it in the store; a handler that must run alone says "
        "`.concurrency = 1`.",
    .bad = R"code(#include "tidings/service/service.hpp"
int handled = 0;
void wire(tidings::Service& service) {
  service.on("count", {}, [](const OrderPlaced&) { ++handled; });
}
)code",
    .good = R"code(#include "tidings/service/service.hpp"
std::atomic<int> handled = 0;
void wire(tidings::Service& service) {
  service.on("count", {}, [](const OrderPlaced&) { ++handled; });
}
)code",
    .once_a_place = true,
    .run = run};

}  // namespace tidings::check
