#include <algorithm>

#include "commands.hpp"
#include "interrupt.hpp"
#include "json_line.hpp"
#include "named_store.hpp"
#include "output.hpp"
#include "saga_json.hpp"
#include "tidings/base/text.hpp"
#include "tidings/saga/description.hpp"
#include "tidings/saga/inspect.hpp"

// `tidings sagas`: what instances there are in a store, and what a person does to them.
namespace tidings::cli {
namespace {

constexpr std::size_t page = 500;
constexpr auto turn_wait = std::chrono::seconds{10};

struct SagaStore {
  std::unique_ptr<Store> store;
  outbox::Tables tables;
};

Result<SagaStore> open(const SagaArguments& arguments, bool may_create = false) {
  auto tables = outbox::Tables::named(arguments.schema, arguments.prefix);
  if (!tables) return tables.error();
  auto store = open_named_store(arguments.store, may_create);
  if (!store) return store.error();
  SagaStore opened{.store = std::move(*store), .tables = std::move(*tables)};
  if (may_create) return opened;
  const auto there = saga::check_schema(*opened.store, opened.tables, turn_wait);
  if (!there && there.error().code == "no_sagas")
    return Error{"no_sagas", "the database has no table " + opened.tables.name("saga_schema") +
                                 "; --schema names the one of PostgreSQL that has it; a service that runs sagas makes "
                                 "it, or `tidings sagas schema --apply`"};
  if (!there && there.error().code == "older_version")
    return Error{"older_version", there.error().message + ", as `tidings sagas schema --apply` does"};
  if (!there) return there.error();
  return opened;
}

std::string to_json(const saga::Shown& shown, bool shows_redacted) {
  std::vector<std::string> history;
  for (const auto& note : shown.history)
    history.push_back(JsonLine()
                          .add("time", to_rfc3339(note.time))
                          .add("what", note.what)
                          .add("step", note.step)
                          .add("cause", note.cause_id)
                          .add("cause_type", note.cause_type)
                          .add("text", note.text)
                          .str());
  std::vector<std::string> waits;
  for (const auto& one : shown.waits)
    waits.push_back(JsonLine().add("kind", one.kind).add("step", one.step).add("due", to_rfc3339(one.due)).str());
  return harmless_json(saga_json(shown.instance, shows_redacted)
                           .raw("history", json_array(history))
                           .raw("waits", json_array(waits))
                           .str()) +
         "\n";
}

/// What set a line of its history off. What a person asked for has the id of no event.
std::string cause_of(const saga::Note& note) {
  if (note.cause_type == "by hand") return note.cause_type;
  return note.cause_type.empty() ? note.cause_id : note.cause_type + " " + note.cause_id;
}

/// A person's request is due at once.
std::string to_line(const saga::Waiting& waiting) {
  const auto is_asked = waiting.kind == "resume" || waiting.kind == "compensate" || waiting.kind == "abandon";
  if (is_asked) return "asked to " + waiting.kind + ", which no process has done yet";
  return "waits: " + printable(waiting.kind) + (waiting.step.empty() ? "" : " of " + printable(waiting.step)) +
         ", due " + to_rfc3339(waiting.due);
}

std::string to_lines(const saga::Shown& shown, bool shows_redacted) {
  const auto& instance = shown.instance;
  const auto why = why_of(instance);
  auto out = printable(instance.type) + " " + printable(instance.id) + ", version " +
             std::to_string(instance.definition) + ": " + std::string(saga::name_of(instance.status)) +
             (why.empty() ? "" : ", " + printable(why)) + "\n\n";
  std::vector<std::vector<std::string>> steps;
  for (const auto& step : instance.steps)
    steps.push_back({printable(step.name), std::string(saga::name_of(step.status)), std::to_string(step.attempts)});
  out += table({"step", "status", ">attempts"}, steps) + "\n";
  std::vector<std::vector<std::string>> history;
  for (const auto& note : shown.history)
    history.push_back({to_rfc3339(note.time), printable(note.what), printable(note.step), printable(cause_of(note)),
                       printable(note.text)});
  out += table({"time", "what", "step", "cause", ""}, history);
  for (const auto& one : shown.waits) out += "\n" + to_line(one);
  out += shown.waits.empty() ? "" : "\n";
  if (!instance.correlation.empty()) out += "\ncorrelation: " + printable(instance.correlation);
  return out + "\nstate: " + printable(shown_state(instance, shows_redacted)) + "\n";
}

Error unknown_saga(const SagaArguments& arguments) {
  return {"unknown_saga", "there is no saga " + printable(arguments.type) + " '" + printable(arguments.id) +
                              "'; `tidings sagas list` shows those that there are"};
}

}  // namespace

int saga_schema(const SagaArguments& arguments) {
  if (arguments.dialect.empty() == !arguments.apply) {
    complain("say what to do: --sql sqlite or --sql postgres prints the statements, --apply makes the tables");
    return wrong_usage;
  }
  if (!arguments.apply) {
    auto tables = outbox::Tables::named(arguments.schema, arguments.prefix);
    if (!tables) return fail(tables.error());
    return print(saga::schema_sql(arguments.dialect == "sqlite" ? SqlDialect::sqlite : SqlDialect::postgres, *tables));
  }
  auto opened = open(arguments, true);
  if (!opened) return fail(opened.error());
  auto applied = saga::apply_schema(*opened->store, opened->tables);
  return applied ? done : fail(applied.error());
}

int list_sagas(const Common& common, const SagaArguments& arguments) {
  catch_signals();
  auto opened = open(arguments);
  if (!opened) return fail(opened.error());
  auto status = saga_status(arguments.status);
  if (!status) return fail(status.error());
  saga::ListFilter filter{.type = arguments.type, .status = *status, .after_type = {}, .after_id = {}, .limit = page};
  std::vector<std::vector<std::string>> rows;
  std::uint64_t left = arguments.count;
  bool has_more = false;
  while (left > 0 && caught_signal() == 0) {
    filter.limit = static_cast<std::size_t>(std::min<std::uint64_t>(left, page));
    auto some = saga::list(*opened->store, filter, opened->tables);
    if (!some) return fail(some.error());
    for (const auto& one : *some) {
      if (common.json) {
        if (const auto printed = print(harmless_json(saga_json(one, common.shows_redacted).str()) + "\n");
            printed != done)
          return printed;
        continue;
      }
      rows.push_back({printable(one.type), printable(one.id), std::string(status_of(one)), to_rfc3339(one.updated_at),
                      printable(stands_at(one))});
    }
    if (some->size() < filter.limit) break;
    filter.after_type = some->back().type;
    filter.after_id = some->back().id;
    left -= some->size();
  }
  if (left == 0) {
    filter.limit = 1;
    auto next = saga::list(*opened->store, filter, opened->tables);
    if (!next) return fail(next.error());
    has_more = !next->empty();
  }
  if (has_more)
    complain("there are more than these " + std::to_string(arguments.count) +
             "; --count says how many are listed, --status and --saga which");
  if (common.json) return done;
  return print(rows.empty() ? "no sagas\n" : table({"saga", "id", "status", "updated", ""}, rows));
}

int show_saga(const Common& common, const SagaArguments& arguments) {
  auto opened = open(arguments);
  if (!opened) return fail(opened.error());
  auto shown = saga::show(*opened->store, arguments.type, arguments.id, opened->tables);
  if (!shown) return fail(shown.error());
  if (!*shown) return fail(unknown_saga(arguments));
  if (arguments.diagram) return print(saga::to_mermaid((*shown)->instance));
  return print(common.json ? to_json(**shown, common.shows_redacted) : to_lines(**shown, common.shows_redacted));
}

int steer_saga(const Common& /*common*/, const SagaArguments& arguments, saga::Steering steering) {
  auto opened = open(arguments);
  if (!opened) return fail(opened.error());
  const auto shown = saga::show(*opened->store, arguments.type, arguments.id, opened->tables);
  if (!shown) return fail(shown.error());
  if (!*shown) return fail(unknown_saga(arguments));
  if (const auto status = (*shown)->instance.status; saga::is_over(status))
    return fail({"saga_over", "saga " + printable(arguments.type) + " " + printable(arguments.id) + " is " +
                                  std::string(saga::name_of(status)) + ": nothing is left to steer"});
  auto asked = saga::request(*opened->store, arguments.type, arguments.id, steering, opened->tables);
  if (!asked) return fail(asked.error());
  return print(
      "asked; the service that runs it does so within a second, or says in its log why not: `tidings sagas "
      "show` tells\n");
}

}  // namespace tidings::cli
