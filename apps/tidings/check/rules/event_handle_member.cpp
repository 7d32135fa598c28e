#include <set>

#include "check/rules/all.hpp"
#include "check/rules/words.hpp"

namespace tidings::check {

namespace {

/// Why a member cannot travel; empty: it can, or nobody knows.
std::string_view holds(const File& file, const Member& member) {
  std::string_view name;
  for (auto at = member.type.begin; at < member.type.end; ++at) {
    if (Code::is(file, at, "<")) {
      const auto behind = behind_angles(file.tokens(), file.structure.match, at, member.type.end);
      if (behind == none) return {};
      // Of containers the elements count as well; of functions, comparators and the like nothing is said.
      if (is_one_of(name, {"vector", "optional", "array", "deque", "list"}))
        for (auto i = at + 1; i < behind - 1; ++i) {
          if (Code::is(file, i, "*")) return "a pointer";
          if (is_one_of(Code::text(file, i), {"string_view", "wstring_view"})) return "a view of a text";
        }
      at = behind - 1;
      continue;
    }
    if (Code::is(file, at, "(")) return {};
    const auto& token = file.tokens()[at];
    if (token.is("*")) return name == "FILE" ? "a handle" : "a pointer";
    if (token.is("&") || token.is("&&")) return "a reference";
    if (token.is_identifier() && !is_keyword(token.text)) name = token.text;
  }
  if (is_one_of(name, {"string_view", "wstring_view", "u8string_view"})) return "a view of a text";
  if (is_one_of(name, {"span", "reference_wrapper"})) return "a view of what others own";
  if (is_one_of(name, {"unique_ptr", "shared_ptr", "weak_ptr"})) return "a pointer";
  if (is_one_of(name, {"thread", "jthread", "mutex", "pthread_t", "sqlite3_stmt"})) return "a handle";
  return {};
}

void run(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code& code, const Facts& facts) {
    std::set<const Struct*> seen;
    std::vector<In<Struct>> events;
    const auto add = [&](In<Struct> one) {
      if (one && one->bases.empty() && !one->is_template && !one->is_local && seen.insert(one.it).second)
        events.push_back(one);
    };
    for (const auto& one : facts.events) add(one.type);
    for (const auto& handler : facts.handlers)
      // What a queue of the bus keeps outlives the publish; what the bus calls at once does not.
      if (handler.kind != HandlerKind::bus && !handler.file->is_test)
        for (const auto& type : handler.events) add(code.struct_of(type));
    for (const auto& one : facts.publications)
      if (one.through != Through::bus && one.through != Through::context && !one.file->is_test)
        add(code.struct_of(one.event));
    for (std::size_t i = 0; i < events.size() && i < 10'000; ++i) {
      const auto event = events[i];
      if (std::ranges::find(event->functions, "to_event_data") != event->functions.end()) continue;
      for (const auto& member : event->members) {
        if (member.is_static) continue;
        const auto what = holds(*event.file, member);
        if (!what.empty()) {
          sink.add(project, *event.file, member.at,
                   quoted(member.name) + " of the event " + quoted(event->name) + " is " + std::string(what));
        } else {
          add(code.struct_of(code.held_type_of(*event.file, member.type)));
        }
      }
    }
  });
}

}  // namespace

const Rule event_handle_member{.id = "event-handle-member",
                               .severity = Severity::error,
                               .finds = "A member of an event that is a pointer, a reference, a view or a handle.",
                               .can_happen =
                                   "It means nothing in another process, and may dangle in this one: an event outlives "
                                   "the call that publishes it.",
                               .to_do =
                                   "Put the value itself into the event: std::string, std::vector, a struct; or an id "
                                   "by which whoever needs it finds it.",
                               .bad = R"code(#include "tidings/event/traits.hpp"
struct OrderPlaced {
  std::string_view order_id;
  static constexpr tidings::traits<OrderPlaced> event{.name = "shop.order-placed"};
};
)code",
                               .good = R"code(#include "tidings/event/traits.hpp"
struct OrderPlaced {
  std::string order_id;
  static constexpr tidings::traits<OrderPlaced> event{.name = "shop.order-placed"};
};
)code",
                               .run = run};

}  // namespace tidings::check
