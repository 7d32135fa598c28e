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
  if (at > 0 && (Code::is(file, at - 1, "++") || Code::is(file, at - 1, "--"))) return true;
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
      const auto word = lower(Code::text(file, i));
      if (word.find("lock") != std::string::npos || word.find("guard") != std::string::npos) return true;
    }
    if (Code::has_word(file, one.value, "lock") || Code::has_word(file, one.value, "unique_lock") ||
        Code::has_word(file, one.value, "lock_guard") || Code::has_word(file, one.value, "scoped_lock"))
      return true;
  }
  for (const auto& call : Code::calls(file, {body.begin, at}))
    if (is_one_of(Code::text(file, call.name), {"lock", "lock_shared", "call_once", "with_lock", "synchronized"}))
      return true;
  return false;
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
      for (const auto& reached : facts.reached(handler)) {
        const auto& file = *reached.file;
        for (auto at = reached.body.begin; at < reached.body.end; ++at) {
          const auto& token = file.tokens()[at];
          if (!token.is_identifier() || is_keyword(token.text) || !is_written(file, at)) continue;
          if (at > 0 && (Code::is(file, at - 1, ".") || Code::is(file, at - 1, "->"))) continue;
          const File* where = nullptr;
          const auto* const found = code.variable(file, token.text, at, &where);
          if (found == nullptr || found->at == at) continue;
          const bool is_shared = found->place == Place::space || (found->place == Place::local && found->is_static);
          if (!is_shared || found->is_constant || found->is_thread_local || !is_plain(code, *where, *found)) continue;
          if (is_locked(code, file, reached.body, at)) continue;
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
    .run = run};

}  // namespace tidings::check
