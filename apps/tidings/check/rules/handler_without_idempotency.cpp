#include "check/rules/all.hpp"
#include "check/rules/network.hpp"
#include "check/rules/words.hpp"

namespace tidings::check {

namespace {

/// An effect that is there twice where it is made twice; empty: none that is certain.
std::string repeats(const File& file, Range body) {
  for (auto at = body.begin; at < body.end; ++at) {
    const auto& token = file.tokens()[at];
    if (token.kind != TokenKind::text) continue;
    auto said = in_lower_case(trimmed(literal_text(token)));
    for (auto next = at + 1; next < body.end && file.tokens()[next].kind == TokenKind::text; ++next)
      said += in_lower_case(literal_text(file.tokens()[next]));
    if (said.starts_with("insert into ") && said.find("conflict") == std::string::npos &&
        said.find("not exists") == std::string::npos && said.find("duplicate key") == std::string::npos)
      return "inserts rows";
    if (!said.starts_with("update ")) continue;
    // set a = a + 1
    for (auto found = said.find('='); found != std::string::npos; found = said.find('=', found + 1)) {
      const auto left = trimmed(std::string_view(said).substr(0, found));
      const auto begin = left.find_last_of(" ,") + 1;
      const auto name = left.substr(begin);
      const auto right = trimmed(std::string_view(said).substr(found + 1));
      if (name.empty() || !right.starts_with(name)) continue;
      const auto rest = trimmed(right.substr(name.size()));
      if (rest.starts_with('+') || rest.starts_with('-')) return "adds to a column";
    }
  }
  return {};
}

/// Whether anything there speaks of telling a repeat.
bool knows_repeats(const Reached& one) {
  const auto& file = *one.file;
  for (auto at = one.body.begin; at < one.body.end; ++at) {
    const auto& token = file.tokens()[at];
    if (token.kind == TokenKind::punctuator) continue;
    const auto word = in_lower_case(token.text);
    for (const std::string_view part : {"idempot", "dedup", "duplicate", "already", "inbox", "seen", "exists",
                                        "handled", "processed", "envelope", "conflict"})
      if (word.find(part) != std::string::npos) return true;
  }
  return false;
}

bool posts(const Code& code, const Reached& one) {
  return std::ranges::any_of(Code::calls(*one.file, one.body), [&](const Call& call) {
    const auto http = http_call(code, *one.file, call, one.body);
    return http && http->adds;
  });
}

void run(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code& code, const Facts& facts) {
    for (const auto& handler : facts.handlers) {
      if (handler.kind != HandlerKind::service || !handler.function) continue;
      const auto all = facts.reached(handler);
      if (std::ranges::any_of(all, knows_repeats)) continue;
      for (const auto& one : all) {
        // What others do no transaction takes back.
        if (posts(code, one)) {
          sink.add(project, *handler.file, handler.call->name,
                   name_of(handler) + " posts over HTTP, and sends nothing by which a repeat is known");
          break;
        }
        const auto what = handler.has_transaction ? std::string() : repeats(*one.file, one.body);
        if (what.empty()) continue;
        sink.add(project, *handler.file, handler.call->name,
                 name_of(handler) + " " + what + ", and has no transaction of the service's store");
        break;
      }
    }
  });
}

}  // namespace

const Rule handler_without_idempotency{
    .id = "handler-without-idempotency",
    .severity = Severity::advice,
    .finds =
        "A handler that inserts rows, or adds to columns, without a `Transaction&`, or that sends a POST or PATCH over "
        "HTTP, and shows no sign that it knows repeats.",
    .can_happen =
        "Events come at least once: after a crash or a retry the row is there twice, the sum is wrong, the card is "
        "charged again.",
    .to_do =
        "Take a Transaction&, which marks the event as handled in the same commit; or make the statement bear repeats "
        "(`on conflict do nothing`). With what is sent over HTTP send the event's id, as an `Idempotency-Key` or as "
        "the peer "
        "wants it.",
    .bad = R"code(#include "tidings/service/service.hpp"
void wire(tidings::Service& service, Database& db) {
  service.on("book", {}, [&](const OrderPlaced& order) -> tidings::Result<> {
    return db.execute("insert into bookings(order_id, amount) values ($1, $2)", order.id, order.total);
  });
}
)code",
    .good = R"code(#include "tidings/service/service.hpp"
void wire(tidings::Service& service) {
  service.on("book", {}, [&](const OrderPlaced& order, tidings::Context&, tidings::Transaction& tx) -> tidings::Result<> {
    auto done = tx.execute("insert into bookings(order_id, amount) values ($1, $2)", order.id, order.total);
    return done ? tidings::Result<>{} : done.error();
  });
}
)code",
    .once_a_place = true,
    .run = run};

}  // namespace tidings::check
