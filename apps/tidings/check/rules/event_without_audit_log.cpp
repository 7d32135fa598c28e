#include <algorithm>

#include "check/rules/all.hpp"
#include "check/rules/words.hpp"

namespace tidings::check {

namespace {

/// Whoever handles whatever comes over its topic may well be the audit log.
bool is_seen_by_any(const Facts& facts, const Event& event) {
  return std::ranges::any_of(facts.handlers, [&](const Handler& handler) {
    return handler.kind == HandlerKind::service && handler.takes_any &&
           (!handler.topics_known || std::ranges::find(handler.topics, event.topic) != handler.topics.end());
  });
}

void run(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code&, const Facts& facts) {
    const auto& capabilities = project.settings.capabilities;
    // Where there are none nobody knows what else the program has.
    if (capabilities.empty() || std::ranges::find(capabilities, "audit-log") != capabilities.end()) return;
    for (const auto& event : facts.events)
      if (event.is_sensitive && !is_seen_by_any(facts, event))
        sink.add(project, *event.type.file, event.type->at,
                 "the event " + quoted(event.type->name) +
                     " has data that is kept from others' eyes, and no audit log says "
                     "who did what with it");
  });
}

}  // namespace

const Rule event_without_audit_log{
    .id = "event-without-audit-log",
    .severity = Severity::advice,
    .finds =
        "In a project that the scaffolder made, without the capability audit-log: an event whose traits say "
        "`.encrypted` or `.redacted`.",
    .can_happen = "Data that is worth hiding changes, and nobody can show afterwards by whom.",
    .to_do =
        "tidings add audit-log: who did what, in rows that cannot be changed unseen. Or handle its topic by an audit "
        "of your own, with `on_any`.",
    .bad =
        "# tidings.toml: capabilities = [\"event-bus\"]\n"
        ".event{.topic = \"payments\", .key = &PaymentTaken::id, .encrypted = true}\n",
    .good =
        "# tidings.toml: capabilities = [\"event-bus\", \"audit-log\"]\n"
        ".event{.topic = \"payments\", .key = &PaymentTaken::id, .encrypted = true}\n",
    .run = run};

}  // namespace tidings::check
