#include "check/rules/all.hpp"
#include "check/rules/words.hpp"

namespace tidings::check {

namespace {

/// `auto published = …publish(…);`, and nobody looks at it.
const Variable* unread_variable(const Code& code, const File& file, const Call& call) {
  const auto begin = Code::operand_begin(file, call);
  for (const auto* const held : code.variables_in(file, {begin > 2 ? begin - 2 : 0, begin})) {  // `name =`, `name{`
    const auto& one = *held;
    if (one.place != Place::local || one.is_bound || one.value.begin != begin || one.value.end != call.close + 1)
      continue;
    for (auto at = one.value.end; at < one.seen.end; ++at)
      if (file.tokens()[at].is_identifier() && file.tokens()[at].text == one.name) return nullptr;
    return &one;
  }
  return nullptr;
}

void run(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code& code, const Facts& facts) {
    for (const auto& one : facts.publications) {
      const auto& file = *one.file;
      const auto name = Code::text(file, one.call->name);
      if (one.through == Through::aggregate) continue;
      bool is_void = false;
      if (Code::is_statement(file, *one.call, &is_void)) {
        const auto line = file.tokens()[Code::operand_begin(file, *one.call)].line;
        const auto last = file.tokens()[one.call->close].line;
        if (is_void && Code::has_comment(file, line - 1, last)) continue;  // who says why is taken at his word
        sink.add(project, file, one.call->name,
                 "the result of " + quoted(name) + (is_void ? " is cast away, and nothing says why" : " is ignored"));
      } else if (const auto* const unread =
                     one.through == Through::bus ? nullptr : unread_variable(code, file, *one.call)) {
        sink.add(project, file, one.call->name,
                 "nobody looks at " + quoted(unread->name) + ", the result of " + quoted(name));
      }
    }
  });
}

}  // namespace

const Rule unchecked_publish{
    .id = "unchecked-publish",
    .severity = Severity::warning,
    .finds = "A publish, or an `outbox::enqueue`, whose result nobody looks at.",
    .can_happen = "The broker is full or away, or refuses the event: it is lost, and nobody is told.",
    .to_do =
        "Return the error, log it, or use or_throw(); where the event may be lost cast to void, and say why in a "
        "comment.",
    .bad = R"code(#include "tidings/service/service.hpp"
void tell(tidings::Service& service, const Order& order) {
  (void)service.publish(OrderPlaced{order.id});
}
)code",
    .good = R"code(#include "tidings/service/service.hpp"
tidings::Result<> tell(tidings::Service& service, const Order& order) {
  if (auto published = service.publish(OrderPlaced{order.id}); !published) return published.error();
  (void)service.publish(CacheWarmed{order.id});  // a hint: whoever misses it reads the database
  return {};
}
)code",
    .run = run};

}  // namespace tidings::check
