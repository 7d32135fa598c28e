#include <map>
#include <set>

#include "check/rules/all.hpp"
#include "check/rules/words.hpp"

// Topics that nobody reads, handlers that nobody feeds: over all services that were given.
namespace tidings::check {

namespace {

constexpr std::uint32_t arguments_max = 400;  // tokens of a list of template arguments

using Names = std::set<std::string, std::less<>>;

/// Whether these are several services: of one alone, others are the other end.
bool are_several(const Workspace& workspace) {
  std::size_t count = 0;
  for (const auto& one : workspace.projects) {
    Names names;
    for (const auto& file : one->project->files) {
      if (file->is_test) continue;
      for (const auto& call : file->structure.calls) {
        if (Code::qualifier(*file, call) != "Service" || Code::text(*file, call.name) != "from_args") continue;
        if (call.open + 1 < call.close && file->tokens()[call.open + 1].kind == TokenKind::text)
          names.insert(std::string(literal_text(file->tokens()[call.open + 1])));
      }
    }
    count += workspace.projects.size() > 1 && one->facts.handlers.empty()
                 ? names.size()
                 : std::max<std::size_t>(names.size(), workspace.projects.size() > 1 ? 1 : 0);
  }
  return count > 1;
}

/// The `<` of the list of template arguments that an argument begins at `at`; 0: there is none.
std::uint32_t begin_of_templates(const File& file, std::uint32_t at) {
  const auto& tokens = file.tokens();
  if (at == 0 || (!tokens[at - 1].is("<") && !tokens[at - 1].is(","))) return 0;
  std::uint32_t depth = 0;
  const auto least = at > arguments_max ? at - arguments_max : 0;
  for (auto i = at; i-- > least;) {
    if (tokens[i].is(">")) ++depth;
    if (tokens[i].is("<") && depth-- == 0) return i;
    if (!tokens[i].is_identifier() && !tokens[i].is("<") && !tokens[i].is(">") && !tokens[i].is(",") &&
        !tokens[i].is("::") && !tokens[i].is("*") && !tokens[i].is("&"))
      break;
  }
  return 0;
}

struct Ends {
  Names consumed;  ///< topics
  Names external;
  Names types_used;  ///< types that something makes, or names otherwise than to handle them
  bool consumers_known = true;
  bool producers_known = true;

  explicit Ends(const Workspace& workspace) {
    each(workspace, [&](const Project& project, const Code& code, const Facts& facts) {
      external.insert(project.settings.external.begin(), project.settings.external.end());
      for (const auto& handler : facts.handlers) {
        if (handler.kind != HandlerKind::service || handler.file->is_test) continue;
        consumed.insert(handler.topics.begin(), handler.topics.end());
        if (!handler.topics_known || (handler.events.empty() && !handler.takes_any)) consumers_known = false;
        for (const auto& type : handler.events) {
          const auto event = facts.event_of(type);
          if (!event || !event->is_known)
            consumers_known = false;
          else
            consumed.insert(event->topic);
        }
      }
      for (const auto& name : facts.saga_taken)
        if (const auto found = code.struct_named(name)) {
          const auto event = facts.event_of({.name = found->name, .file = found.file});
          if (event && event->is_known)
            consumed.insert(event->topic);
          else
            consumers_known = false;
        } else {
          consumers_known = false;
        }
      for (const auto& name : facts.saga_sent) types_used.insert(name);
      for (const auto& file : project.files)
        if (!file->is_test) look(*file, facts);
    });
  }

 private:
  void look(const File& file, const Facts& facts) {
    const auto& tokens = file.tokens();
    for (std::uint32_t at = 0; at < tokens.size(); ++at) {
      const auto& token = tokens[at];
      // A topic that is named elsewhere than in traits is perhaps read there; services and handlers have names of their
      // own.
      if (token.kind == TokenKind::text && at >= 2 && !(tokens[at - 1].is("=") && tokens[at - 2].is("topic")) &&
          !tokens[at - 1].is("topic") &&
          !(tokens[at - 1].is("(") &&
            is_one_of(tokens[at - 2].text, {"from_args", "on", "on_any", "use", "every", "define", "step"})))
        consumed.insert(std::string(literal_text(token)));
      if (token.is("event_topic") && at + 2 < tokens.size() && tokens[at + 1].is("<")) {
        const auto behind =
            behind_angles(tokens, file.structure.match, at + 1, static_cast<std::uint32_t>(tokens.size()));
        if (behind != none)
          if (const auto event = facts.event_of(facts.code->type_of(file, {at + 2, behind - 1})))
            consumed.insert(event->topic);
      }
      if (!token.is_identifier() || is_keyword(token.text) || at == 0 || at + 1 >= tokens.size()) continue;
      const auto& next = tokens[at + 1];
      const auto& before = tokens[at - 1];
      if (is_one_of(before.text, {"struct", "class", "const", "traits", "&"}) && !next.is("{")) continue;
      if (before.is("struct") || before.is("class")) continue;
      if (next.is("{") || next.is("(") || (next.is_identifier() && !is_keyword(next.text)))
        types_used.insert(std::string(token.text));
      // `make<OrderPlaced>()`, `std::variant<OrderPlaced, OrderRejected>`, but neither `traits<…>`, `Batch<…>` nor
      // `on<…>`
      auto begin = at;
      while (begin >= 2 && tokens[begin - 1].is("::")) begin -= 2;
      const auto open = begin_of_templates(file, begin);
      if (open > 0 && !is_one_of(tokens[open - 1].text, {"traits", "Batch", "on", "event_traits", "done", "failed",
                                                         "cancels", "subscribe", "in"}))
        types_used.insert(std::string(token.text));
    }
  }
};

void run_topics(const Workspace& workspace, Sink& sink) {
  if (!are_several(workspace)) return;
  const Ends ends(workspace);
  if (!ends.consumers_known) return;
  Names told;
  each(workspace, [&](const Project& project, const Code&, const Facts& facts) {
    for (const auto& one : facts.publications) {
      if (one.through == Through::bus || !one.event || one.file->is_test) continue;
      if (is_one_of(Code::text(*one.file, one.call->name), {"reply"})) continue;
      const auto* const within = Code::function_at(*one.file, one.call->name, false);
      if (within != nullptr && within->is_template) continue;
      const auto event = facts.event_of(one.event);
      if (!event || !event->is_known || event->type->is_local) continue;
      if (ends.consumed.contains(event->topic) || ends.external.contains(event->topic) ||
          !told.insert(event->topic).second)
        continue;
      sink.add(
          project, *one.file, one.call->name,
          "nobody handles the topic " + quoted(event->topic) + ", which " + quoted(event->type->name) + " goes to");
    }
  });
}

void run_handlers(const Workspace& workspace, Sink& sink) {
  if (!are_several(workspace)) return;
  const Ends ends(workspace);
  each(workspace, [&](const Project& project, const Code&, const Facts& facts) {
    for (const auto& handler : facts.handlers) {
      if (handler.kind != HandlerKind::service || handler.events.empty() || handler.file->is_test) continue;
      std::string types;
      bool is_fed = false;
      for (const auto& type : handler.events) {
        const auto event = facts.event_of(type);
        if (!event || !event->is_known || ends.external.contains(event->topic) || ends.types_used.contains(type.name) ||
            event->type->is_local) {
          is_fed = true;
          break;
        }
        types += (types.empty() ? "" : ", ") + quoted(type.name);
      }
      if (!is_fed)
        sink.add(project, *handler.file, handler.call->name,
                 name_of(handler) + " takes " + types + ", which nothing here ever makes");
    }
  });
}

constexpr std::string_view published_and_handled = R"code(#include "tidings/service/service.hpp"
struct OrderPlaced {
  std::string order_id;
  static constexpr tidings::traits<OrderPlaced> event{.name = "shop.order-placed", .topic = "orders", .key = &OrderPlaced::order_id};
};
int orders(int argc, char** argv) {
  auto service = tidings::Service::from_args("orders", argc, argv);
  if (!service.publish(OrderPlaced{"7"})) return 1;
  return service.run();
}
int billing(int argc, char** argv) {
  auto service = tidings::Service::from_args("billing", argc, argv);
  service.on("bill", {}, [](const OrderPlaced&) -> tidings::Result<> { return {}; });
  return service.run();
}
)code";

}  // namespace

const Rule topic_without_consumer{
    .id = "topic-without-consumer",
    .severity = Severity::advice,
    .finds =
        "A topic that is published to, and that no handler of the services given reads. Looks where several services "
        "are given.",
    .can_happen = "The topic grows, and what should happen because of its events does not.",
    .to_do =
        "Handle it, stop publishing it, or name it under `external` in [check] of tidings.toml where others read it.",
    .bad = R"code(#include "tidings/service/service.hpp"
struct OrderPlaced {
  std::string order_id;
  static constexpr tidings::traits<OrderPlaced> event{.name = "shop.order-placed", .topic = "orders", .key = &OrderPlaced::order_id};
};
struct OrderAudited {
  std::string order_id;
  static constexpr tidings::traits<OrderAudited> event{.name = "shop.order-audited", .topic = "audits", .key = &OrderAudited::order_id};
};
int orders(int argc, char** argv) {
  auto service = tidings::Service::from_args("orders", argc, argv);
  if (!service.publish(OrderPlaced{"7"})) return 1;
  return service.run();
}
int audit(int argc, char** argv) {
  auto service = tidings::Service::from_args("audit", argc, argv);
  service.on("audit", {}, [](const OrderPlaced& order, tidings::Context& context) { return context.publish(OrderAudited{order.order_id}); });
  return service.run();
}
)code",
    .good = published_and_handled,
    .needs_others = true,
    .run = run_topics};

const Rule handler_without_producer{
    .id = "handler-without-producer",
    .severity = Severity::advice,
    .finds =
        "A handler of events that nothing in the services given ever makes. Looks where several services are given.",
    .can_happen = "The handler is never called: what it should do does not happen, and nothing fails.",
    .to_do =
        "Publish the event, remove the handler, or name its topic under `external` in [check] of tidings.toml where "
        "others publish it.",
    .bad = R"code(#include "tidings/service/service.hpp"
struct OrderPlaced {
  std::string order_id;
  static constexpr tidings::traits<OrderPlaced> event{.name = "shop.order-placed", .topic = "orders", .key = &OrderPlaced::order_id};
};
int orders(int argc, char** argv) {
  auto service = tidings::Service::from_args("orders", argc, argv);
  return service.run();
}
int billing(int argc, char** argv) {
  auto service = tidings::Service::from_args("billing", argc, argv);
  service.on("bill", {}, [](const OrderPlaced&) -> tidings::Result<> { return {}; });
  return service.run();
}
)code",
    .good = published_and_handled,
    .needs_others = true,
    .run = run_handlers};

}  // namespace tidings::check
