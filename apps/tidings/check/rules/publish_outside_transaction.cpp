#include <map>

#include "check/rules/all.hpp"
#include "check/rules/words.hpp"

namespace tidings::check {

namespace {

bool leaves_at_once(const Publication& one, bool on_the_bus_too) {
  return one.through == Through::service || one.through == Through::broker || one.through == Through::publisher ||
         (on_the_bus_too && one.through == Through::bus);
}

std::string_view name_of(Through through) {
  return through == Through::service ? "the service" : through == Through::bus ? "the bus" : "the broker";
}

/// Whether the call commits a transaction of a database.
bool commits(const Code& code, const File& file, const Call& call) {
  const auto name = Code::text(file, call.name);
  if (name == "commit") {
    const auto of = code.receiver(file, call);
    if (code.is_of_tidings(of, "Transaction")) return true;
    return is_one_of(of.qualifier, {"pqxx", "soci", "SQLite"}) &&
           is_one_of(of.name, {"work", "dbtransaction", "transaction", "robusttransaction", "Transaction"});
  }
  if (!is_one_of(name, {"PQexec", "sqlite3_exec"})) return false;
  const auto args = Code::arguments(file, call);
  if (args.size() < 2 || args[1].end != args[1].begin + 1) return false;
  const auto said = in_lower_case(trimmed(literal_text(file.tokens()[args[1].begin])));
  return said.starts_with("commit");
}

const Call* first_commit(const Code& code, const File& file, const Function& within) {
  for (const auto& call : Code::calls(file, within.body))
    if (commits(code, file, call) && Code::function_at(file, call.name, true) == &within) return &call;
  return nullptr;
}

void run(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code& code, const Facts& facts) {
    for (const auto& handler : facts.handlers) {
      if (!handler.has_transaction) continue;
      for (const auto& reached : facts.reached(handler))
        for (const auto& one : facts.publications_in(*reached.file, reached.body))
          if (leaves_at_once(one, true))
            sink.add(project, *one.file, one.call->name,
                     name_of(handler) + " takes a transaction, and publishes through " +
                         std::string(name_of(one.through)) + " beside it");
    }
    std::map<const Function*, const Call*> known;
    const auto look = [&](const File& file, const Call& call, const Publication& one) {
      const auto* const within = Code::runner_at(file, call.name);
      if (within == nullptr) return;
      const auto [at, is_new] = known.try_emplace(within, nullptr);
      if (is_new) at->second = first_commit(code, file, *within);
      if (at->second == nullptr) return;
      sink.add(project, file, call.name,
               std::string("publishes through ") + std::string(name_of(one.through)) +
                   (at->second->name < call.name ? " after" : " before") + " the transaction is committed, in line " +
                   std::to_string(file.tokens()[at->second->name].line));
    };
    for (const auto& one : facts.publications)
      if (leaves_at_once(one, false)) look(*one.file, *one.call, one);
    // `std::visit(publisher, event)`: what it calls stands elsewhere.
    for (const auto& file : project.files)
      for (const auto& call : file->structure.calls) {
        if (!Code::calls_at_once(*file, call.name)) continue;
        const auto called = facts.called_at_once(*file, call);
        if (!called || !called->has_body || Code::runner_at(*called.file, called->body.begin) != called.it) continue;
        for (const auto& one : facts.publications_in(*called.file, called->body))
          if (leaves_at_once(one, false)) {
            look(*file, call, one);
            break;
          }
      }
  });
}

}  // namespace

const Rule publish_outside_transaction{
    .id = "publish-outside-transaction",
    .severity = Severity::error,
    .finds =
        "An event that is published beside the transaction it tells of: by a handler that takes a `Transaction&`, or "
        "by a function that commits one.",
    .can_happen =
        "The process dies between commit and publish: the change is there and nobody hears of it; or the event is out "
        "and the change is rolled back.",
    .to_do =
        "Publish with Context::publish in the handler, or put the event into the transaction with outbox::enqueue.",
    .bad = R"code(#include "tidings/service/service.hpp"
void wire(tidings::Service& service) {
  service.on("take-order", {}, [&](const OrderPlaced& order, tidings::Context&, tidings::Transaction& tx) -> tidings::Result<> {
    if (auto done = tx.execute("insert into orders(id) values ($1)", order.id); !done) return done.error();
    return service.publish(OrderTaken{order.id});
  });
}
)code",
    .good = R"code(#include "tidings/service/service.hpp"
void wire(tidings::Service& service) {
  service.on("take-order", {}, [](const OrderPlaced& order, tidings::Context& context, tidings::Transaction& tx) -> tidings::Result<> {
    if (auto done = tx.execute("insert into orders(id) values ($1)", order.id); !done) return done.error();
    return context.publish(OrderTaken{order.id});
  });
}
)code",
    .once_a_place = true,
    .run = run};

}  // namespace tidings::check
