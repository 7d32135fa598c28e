#include <set>

#include "check/rules/all.hpp"
#include "check/rules/words.hpp"

namespace tidings::check {

namespace {

void run(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code&, const Facts& facts) {
    std::set<const Struct*> told;
    for (const auto& handler : facts.handlers) {
      if (handler.kind != HandlerKind::service || handler.takes_any || handler.file->is_test) continue;
      for (const auto& type : handler.events) {
        const auto event = facts.event_of(type);
        if (!event || !event->is_known || !event->key.empty() || event->type->is_local || event->type->is_template)
          continue;
        if (!told.insert(event->type.it).second) continue;
        sink.add(project, *event->type.file, event->type->at,
                 "the event " + quoted(event->type->name) + " has neither a key nor tidings::unordered, and " +
                     name_of(handler) + " keeps order by key");
      }
    }
  });
}

}  // namespace

const Rule event_without_key{
    .id = "event-without-key",
    .severity = Severity::error,
    .finds = "An event that a service's handler takes, and that says neither its key nor that it is unordered.",
    .can_happen = "The service refuses to start: it cannot tell which events must follow one another.",
    .to_do = "Say `.key = &Event::member` in its traits, or `.key = tidings::unordered` where no order matters.",
    .bad = R"code(#include "tidings/service/service.hpp"
struct OrderPlaced {
  std::string order_id;
  static constexpr tidings::traits<OrderPlaced> event{.name = "shop.order-placed", .topic = "orders"};
};
void wire(tidings::Service& service) {
  service.on("bill", {}, [](const OrderPlaced&) -> tidings::Result<> { return {}; });
}
)code",
    .good = R"code(#include "tidings/service/service.hpp"
struct OrderPlaced {
  std::string order_id;
  static constexpr tidings::traits<OrderPlaced> event{.name = "shop.order-placed", .topic = "orders", .key = &OrderPlaced::order_id};
};
void wire(tidings::Service& service) {
  service.on("bill", {}, [](const OrderPlaced&) -> tidings::Result<> { return {}; });
}
)code",
    .run = run};

}  // namespace tidings::check
