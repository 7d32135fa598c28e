#include <set>

#include "check/rules/all.hpp"
#include "check/rules/words.hpp"

namespace tidings::check {

namespace {

/// What surely answers a Result.
bool answers_result(const Code& code, const Facts& facts, const File& file, const Call& call) {
  const auto name = Code::text(file, call.name);
  if (const auto* const one = facts.publication_of(file, call))
    return one->through != Through::bus && one->through != Through::aggregate;
  if (Code::has_receiver(file, call) && code.is_of_tidings(code.receiver(file, call), "Transaction"))
    return is_one_of(name, {"execute", "query", "query_one"});
  if (name == "decode_event") return true;
  return code.returns_result(file, call);
}

/// The call whose result an expression is, and nothing else.
const Call* whole_call(const File& file, Range expression) {
  for (const auto& call : Code::calls(file, expression))
    if (call.close == expression.end - 1 && Code::operand_begin(file, call) == expression.begin) return &call;
  return nullptr;
}

/// `return {};`, `return;`, `return Result<>{};` from `at`: behind it; else 0.
std::uint32_t behind_success(const File& file, std::uint32_t at) {
  if (!Code::is(file, at, "return")) return 0;
  ++at;
  if (Code::is(file, at, ";")) return at + 1;
  if (Code::is(file, at, "tidings") && Code::is(file, at + 1, "::")) at += 2;
  if (Code::is(file, at, "Result") && Code::is(file, at + 1, "<") && Code::is(file, at + 2, ">")) at += 3;
  const bool is_empty = (Code::is(file, at, "{") && Code::is(file, at + 1, "}")) ||
                        (Code::is(file, at, "(") && Code::is(file, at + 1, ")"));
  return is_empty && Code::is(file, at + 2, ";") ? at + 3 : 0;
}

std::uint32_t line_of(const File& file, std::uint32_t at) {
  return at < file.tokens().size() ? file.tokens()[at].line : file.source.lines;
}

/// Whether it says nothing but that it succeeded, by `{}` or by nothing at all: others may say by what they return that
/// they failed.
bool answers_nothing_else(const File& file, const Function& function) {
  if (function.is_lambda && function.returns.empty()) {
    for (auto at = function.body.begin; at < function.body.end; ++at)
      if (Code::is(file, at, "return") && !Code::is(file, at + 1, ";") &&
          Code::function_at(file, at, true) == &function)
        return false;
    return true;
  }
  for (auto at = function.returns.begin; at < function.returns.end; ++at) {
    if (Code::is(file, at, "void")) return true;
    if (Code::is(file, at, "Result") && Code::is(file, at + 1, "<")) return Code::is(file, at + 2, ">");
  }
  return false;
}

/// Whether a statement does no more than to tell people: `spdlog::error(…);`, `LOG(ERROR) << …;`, `std::cerr << …;`.
bool logs(const File& file, Range statement) {
  for (auto at = statement.begin; at < statement.end; ++at) {
    const auto& token = file.tokens()[at];
    if (token.is("(") && at > statement.begin) break;
    if (!token.is_identifier()) continue;
    const auto word = in_lower_case(token.text);
    for (const std::string_view part :
         {"log", "error", "warn", "info", "debug", "trace", "critical", "print", "puts", "cerr", "cout"})
      if (word.find(part) != std::string::npos) return true;
  }
  return false;
}

/// A function that a handler runs, or the handler itself.
class Body {
 public:
  Body(const Project& project, const Code& code, const Facts& facts, const Handler& handler, In<Function> function,
       Sink& sink)
      : project_(project),
        code_(code),
        facts_(facts),
        handler_(handler),
        function_(function),
        sink_(sink),
        file_(*function.file),
        is_handler_(function.it == handler.function.it) {}

  void look() {
    const auto body = function_->body;
    const bool may_succeed = is_handler_ || answers_nothing_else(file_, *function_);
    for (auto at = body.begin; at < body.end && may_succeed; ++at) {
      if (!Code::is(file_, at, "catch") && !Code::is(file_, at, "if")) continue;
      if (Code::function_at(file_, at, true) != function_.it) continue;
      if (Code::is(file_, at, "catch"))
        exception(at);
      else
        condition(at);
    }
    for (const auto& call : Code::calls(file_, body)) ignored(call);
  }

 private:
  /// `handler 'reserve'`, and in which function.
  [[nodiscard]] std::string who() const {
    const auto& name = function_->name;
    return name_of(handler_) +
           (is_handler_ || name.empty() || name == "operator" ? std::string() : ", in " + quoted(name) + ",");
  }

  /// `try { …; return parsed; } catch (…) {}`, and something behind it: what fails there goes on here.
  [[nodiscard]] bool tries_another_way(std::uint32_t at, std::uint32_t close) const {
    if (at == 0 || !Code::is(file_, at - 1, "}") || Code::is(file_, close + 1, "}")) return false;
    const auto open = file_.structure.match[at - 1];
    if (open == none || at < 3 || !Code::is(file_, at - 2, ";")) return false;
    auto begin = at - 3;
    while (begin > open && !Code::is(file_, begin, ";") && !Code::is(file_, begin, "{") && !Code::is(file_, begin, "}"))
      begin = Code::is(file_, begin, ")") && file_.structure.match[begin] != none ? file_.structure.match[begin] - 1
                                                                                  : begin - 1;
    // Where nothing but success is behind it, it was the way to fail.
    return Code::is(file_, begin + 1, "return") && behind_success(file_, close + 1) == 0;
  }

  void exception(std::uint32_t at) {
    const auto& match = file_.structure.match;
    if (!Code::is(file_, at + 1, "(") || match[at + 1] == none) return;
    const auto open = match[at + 1] + 1;
    if (!Code::is(file_, open, "{") || match[open] == none) return;
    const auto close = match[open];
    if (Code::has_comment(file_, line_of(file_, at), line_of(file_, close))) return;
    const bool is_empty = close == open + 1 || behind_success(file_, open + 1) == close;
    if (close == open + 1 && tries_another_way(at, close)) return;
    if (is_empty)
      sink_.add(project_, file_, at, who() + " catches an exception and says nothing: the event counts as handled");
  }

  void condition(std::uint32_t at) {
    const auto& match = file_.structure.match;
    if (!Code::is(file_, at + 1, "(") || match[at + 1] == none) return;
    const auto close = match[at + 1];
    Range said{at + 2, close};
    for (auto i = said.begin; i < said.end; ++i) {
      if (Code::is(file_, i, "(") || Code::is(file_, i, "{") || Code::is(file_, i, "["))
        i = match[i] == none ? i : match[i];
      if (Code::is(file_, i, ";")) said.begin = i + 1;
    }
    if (!Code::is(file_, said.begin, "!")) return;
    ++said.begin;
    // `!r.has_value()` is `!r`.
    if (said.end - said.begin == 5 && Code::is(file_, said.begin + 1, ".") &&
        Code::is(file_, said.begin + 2, "has_value"))
      said.end = said.begin + 1;
    const Call* of = nullptr;
    if (said.end == said.begin + 1) {
      const auto* const held = code_.variable(file_, Code::text(file_, said.begin), said.begin);
      if (held == nullptr || held->place != Place::local || held->is_bound) return;
      auto value = held->value;
      if (Code::is(file_, value.begin, "{") || Code::is(file_, value.begin, "("))
        value = {value.begin + 1, value.end - 1};
      of = whole_call(file_, value);
    } else {
      of = whole_call(file_, said);
    }
    if (of == nullptr || !answers_result(code_, facts_, file_, *of)) return;
    auto then = close + 1;
    auto end = then;
    if (Code::is(file_, then, "{")) {
      end = match[then];
      if (end == none) return;
      // What is done before it returns may log; what does anything else with the failure has decided.
      auto last = end;
      for (auto i = then + 1; i < end; ++i)
        if (Code::is(file_, i, "return") && behind_success(file_, i) == end) last = i;
      if (last == end) return;
      for (auto i = then + 1; i < last; ++i) {
        const auto begin = i;
        while (i < last && !Code::is(file_, i, ";"))
          i = match[i] != none && match[i] > i && match[i] < last ? match[i] + 1 : i + 1;
        if (!logs(file_, {begin, i}) || Code::is(file_, begin, "if") || Code::is(file_, begin, "switch") ||
            Code::is(file_, begin, "throw") || Code::is(file_, begin, "return"))
          return;
      }
    } else {
      end = behind_success(file_, then);
      if (end == 0) return;
    }
    if (Code::has_comment(file_, line_of(file_, at), line_of(file_, end - 1))) return;
    sink_.add(project_, file_, at,
              "where " + quoted(Code::text(file_, of->name)) + " fails " + who() + " says that all is well");
  }

  void ignored(const Call& call) {
    if (Code::function_at(file_, call.name, true) != function_.it) return;
    bool is_void = false;
    if (!Code::is_statement(file_, call, &is_void)) return;
    if (facts_.publication_of(file_, call) != nullptr) return;  // unchecked-publish tells of it
    if (!answers_result(code_, facts_, file_, call)) return;
    const auto line = line_of(file_, Code::operand_begin(file_, call));
    if (is_void && Code::has_comment(file_, line - 1, line_of(file_, call.close))) return;
    sink_.add(project_, file_, call.name,
              who() + " ignores whether " + quoted(Code::text(file_, call.name)) + " failed");
  }

  const Project& project_;
  const Code& code_;
  const Facts& facts_;
  const Handler& handler_;
  In<Function> function_;
  Sink& sink_;
  const File& file_;
  bool is_handler_;
};

void run(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code& code, const Facts& facts) {
    std::set<const Function*> seen;
    const auto look = [&](const Handler& handler, In<Function> function) {
      if (function && function->has_body && seen.insert(function.it).second)
        Body(project, code, facts, handler, function, sink).look();
    };
    for (const auto& handler : facts.handlers) look(handler, handler.function);
    for (const auto& handler : facts.handlers)
      for (const auto& one : facts.runs(handler)) look(handler, one.function);
  });
}

}  // namespace

const Rule swallowed_error{
    .id = "swallowed-error",
    .severity = Severity::warning,
    .finds =
        "A handler that succeeds though something in it, or in a function that it calls, has failed: an empty catch, "
        "`if (!done) return {};`, a Result that nobody looks at.",
    .can_happen =
        "The event counts as handled, and is never tried again; what it should have done is lost without a trace.",
    .to_do =
        "Return the error, so that the event is tried again or parked; where failing is right, say so in a comment "
        "there.",
    .bad = R"code(#include "tidings/service/service.hpp"
void wire(tidings::Service& service) {
  service.on("reserve", {}, [](const OrderPlaced& order, tidings::Context&, tidings::Transaction& tx) -> tidings::Result<> {
    auto done = tx.execute("update stock set left = left - 1 where item = $1", order.item);
    if (!done) return {};
    return {};
  });
}
)code",
    .good = R"code(#include "tidings/service/service.hpp"
void wire(tidings::Service& service) {
  service.on("reserve", {}, [](const OrderPlaced& order, tidings::Context&, tidings::Transaction& tx) -> tidings::Result<> {
    auto done = tx.execute("update stock set left = left - 1 where item = $1", order.item);
    if (!done) return done.error();
    return {};
  });
}
)code",
    .once_a_place = true,
    .run = run};

}  // namespace tidings::check
