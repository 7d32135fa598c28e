#include <map>
#include <set>
#include <utility>

#include "check/rules/all.hpp"
#include "check/rules/words.hpp"

namespace tidings::check {

namespace {

/// Locals of `around` that the lambda holds by reference.
std::vector<const Variable*> held(const Code& code, const File& file, const Function& lambda, const Function& around) {
  std::set<std::string_view> by_reference, by_value;
  bool all = false;
  for (const auto part : split(file.tokens(), file.structure.match, lambda.captures)) {
    if (part.empty()) continue;
    if (Code::is(file, part.begin, "&")) {
      if (part.end == part.begin + 1)
        all = true;
      else if (part.end == part.begin + 2)
        by_reference.insert(Code::text(file, part.begin + 1));
    } else {
      by_value.insert(Code::text(file, part.begin));
    }
  }
  std::vector<const Variable*> found;
  for (auto at = lambda.body.begin; at < lambda.body.end; ++at) {
    const auto& token = file.tokens()[at];
    if (!token.is_identifier() || is_keyword(token.text) || by_value.contains(token.text)) continue;
    if (!all && !by_reference.contains(token.text)) continue;
    if (Code::is(file, at - 1, ".") || Code::is(file, at - 1, "->") || Code::is(file, at - 1, "::") ||
        Code::is(file, at + 1, "::"))
      continue;
    const auto* const one = code.variable(file, token.text, at);
    if (one == nullptr || (one->place != Place::local && one->place != Place::parameter)) continue;
    if (lambda.body.has(one->at) || one->seen.begin == lambda.body.begin) continue;  // of the lambda itself
    const bool is_of_it =
        one->place == Place::parameter ? one->seen.begin == around.body.begin : around.body.has(one->at);
    if (!is_of_it || one->is_static || one->is_constexpr || one->is_thread_local || one->is_bound) continue;
    bool refers = false;
    for (auto i = one->type.begin; i < one->type.end; ++i)
      refers = refers || Code::is(file, i, "&") || Code::is(file, i, "&&") || Code::is(file, i, "constexpr");
    if (!refers && std::ranges::find(found, one) == found.end()) found.push_back(one);
  }
  return found;
}

/// What the subscription of the bus is given to lives longer than the function.
bool outlives(const Code& code, const File& file, const Call& call, const Function& around) {
  const auto begin = Code::operand_begin(file, call);
  if (begin == 0) return false;
  if (Code::is(file, begin - 1, "return")) return true;
  const auto is_elsewhere = [&](std::uint32_t name) {
    const auto* const found = code.variable(file, Code::text(file, name), name);
    return found != nullptr && (found->place == Place::member || found->place == Place::space ||
                                (found->place == Place::parameter && found->seen.begin == around.body.begin));
  };
  if (Code::is(file, begin - 1, "=") && begin >= 2) {
    const bool is_declared = !code.variables_in(file, {begin - 2, begin - 1}).empty();
    return !is_declared && is_elsewhere(begin - 2);
  }
  if (!Code::is(file, begin - 1, "(")) return false;
  for (const auto& outer : Code::calls(file, around.body))
    if (outer.open == begin - 1 && is_one_of(Code::text(file, outer.name), {"push_back", "emplace_back"}) &&
        Code::has_receiver(file, outer) && outer.name >= 2)
      return is_elsewhere(outer.name - 2);
  return false;
}

/// What functions do with their services; looked for once, since a function may have thousands of handlers.
class Ways {
 public:
  bool runs(const File& file, Range range, std::string_view name) {
    auto [at, is_new] = runs_.try_emplace(&file);
    if (is_new)
      for (const auto& call : file.structure.calls)
        if (Code::text(file, call.name) == "run" && call.name >= 2)
          at->second.emplace(Code::text(file, call.name - 2), call.name);
    const auto found = at->second.lower_bound({name, range.begin});
    return found != at->second.end() && found->first == name && found->second < range.end;
  }

  bool returns(const File& file, Range body, std::string_view name) {
    auto [at, is_new] = returned_.try_emplace({&file, body.begin});
    if (is_new) at->second = returned(file, body);
    return at->second.contains(name);
  }

 private:
  static std::set<std::string_view> returned(const File& file, Range body) {
    std::set<std::string_view> words;
    for (auto at = body.begin; at + 1 < body.end; ++at) {
      if (!Code::is(file, at, "return")) continue;
      for (auto i = at + 1; i < body.end && !Code::is(file, i, ";"); ++i) {
        if (!Code::is(file, i + 1, ".") && !Code::is(file, i + 1, "->")) words.insert(file.tokens()[i].text);
        if (Code::is(file, i, "[")) break;
      }
    }
    return words;
  }

  std::map<const File*, std::set<std::pair<std::string_view, std::uint32_t>>> runs_;
  std::map<std::pair<const File*, std::uint32_t>, std::set<std::string_view>> returned_;
};

void run(const Workspace& workspace, Sink& sink) {
  Ways ways;
  each(workspace, [&](const Project& project, const Code& code, const Facts& facts) {
    for (const auto& handler : facts.handlers) {
      const auto& file = *handler.file;
      if (!handler.function || !handler.function->is_lambda || handler.function.file != &file || file.is_test) continue;
      const auto* const around = Code::function_at(file, handler.call->name, true);
      if (around == nullptr) continue;
      const auto locals = held(code, file, *handler.function, *around);
      if (locals.empty()) continue;
      auto of = Code::operand_begin(file, *handler.call);
      while (Code::is(file, of, "this") || Code::is(file, of, "->") || Code::is(file, of, "*") ||
             Code::is(file, of, "("))
        ++of;
      const auto name = Code::text(file, of);
      const auto* const on = code.variable(file, name, of);
      if (on == nullptr) continue;
      bool on_refers = on->place == Place::member || on->place == Place::space;
      for (auto i = on->type.begin; i < on->type.end; ++i)
        on_refers = on_refers || Code::is(file, i, "&") || Code::is(file, i, "*");
      const bool is_service = handler.kind == HandlerKind::service;
      for (const auto* local : locals) {
        if (local == on) continue;
        std::string_view why;
        if (on_refers) {
          if (on->place == Place::local) continue;  // it refers to who knows what
          if (is_service ? ways.runs(file, {handler.call->close, around->body.end}, name)
                         : !outlives(code, file, *handler.call, *around))
            continue;
          why = "ends with this function, before ";
        } else if (around->body.has(on->at) && ways.returns(file, around->body, name)) {
          why = "ends with this function, which returns ";
        } else if (around->body.has(on->at) && local->seen.end < on->seen.end && local->place == Place::local) {
          if (is_service ? ways.runs(file, {handler.call->close, local->seen.end}, name)
                         : !outlives(code, file, *handler.call, *around))
            continue;
          why = "ends with its block, before ";
        } else if (!is_service && Code::is(file, Code::operand_begin(file, *handler.call) - 1, "return")) {
          why = "ends with this function, which returns the subscription of ";
        } else {
          continue;
        }
        sink.add(project, file, handler.function->at,
                 name_of(handler) + " holds " + quoted(local->name) + " by reference, which " + std::string(why) +
                     quoted(name));
      }
    }
  });
}

}  // namespace

const Rule dangling_capture{
    .id = "dangling-capture",
    .severity = Severity::error,
    .finds = "A handler that holds a local variable by reference, and may be called when that is gone.",
    .can_happen =
        "The handler reads and writes memory that belongs to somebody else by then: wrong results, or a crash far "
        "away.",
    .to_do =
        "Let it live as long as the service or the bus: a member, a variable of main before `run`; or capture it by "
        "value.",
    .bad = R"code(#include "tidings/service/service.hpp"
void wire(tidings::Service& service) {
  Stock stock(100);
  service.on("reserve", {}, [&](const OrderPlaced& order) { stock.reserve(order.id); });
}
)code",
    .good = R"code(#include "tidings/service/service.hpp"
int main(int argc, char** argv) {
  auto service = tidings::Service::from_args("inventory", argc, argv);
  Stock stock(100);
  service.on("reserve", {}, [&](const OrderPlaced& order) { stock.reserve(order.id); });
  return service.run();
}
)code",
    .once_a_place = true,
    .run = run};

}  // namespace tidings::check
