#include <array>
#include <set>

#include "check/rules/all.hpp"
#include "check/rules/words.hpp"

namespace tidings::check {

namespace {

/// `PlaceOrder` is place, order.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words;
  for (const char c : name) {
    if (c == '_') {
      words.emplace_back();
      continue;
    }
    if (words.empty() || std::isupper(static_cast<unsigned char>(c)) != 0) words.emplace_back();
    words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  std::erase(words, "");
  return words;
}

/// Verbs that are hardly ever nouns.
constexpr auto verbs = std::to_array<std::string_view>(
    {"accept",     "activate",  "add",     "allocate", "apply",    "approve", "archive",  "assign",
     "book",       "calculate", "cancel",  "close",    "complete", "compute", "confirm",  "create",
     "deactivate", "delete",    "deliver", "disable",  "enable",   "execute", "generate", "import",
     "insert",     "invoke",    "mark",    "modify",   "notify",   "pay",     "perform",  "place",
     "prepare",    "process",   "publish", "register", "reject",   "remove",  "rename",   "reserve",
     "save",       "schedule",  "send",    "submit",   "validate", "verify",  "withdraw"});
/// Verbs that are nouns as well: these count before a noun of business alone.
constexpr auto verbs_and_nouns =
    std::to_array<std::string_view>({"charge", "refund", "release", "ship", "transfer", "update", "change", "start",
                                     "stop", "open", "move", "record", "bill", "invoice", "review", "audit"});
constexpr auto nouns =
    std::to_array<std::string_view>({"order", "payment", "stock",   "customer", "invoice",  "email",        "mail",
                                     "user",  "account", "item",    "product",  "shipment", "subscription", "inventory",
                                     "cart",  "booking", "profile", "address",  "card",     "price",        "balance"});
constexpr auto states = std::to_array<std::string_view>(
    {"sent",       "paid",       "made",    "built",     "lost",   "found",        "held",     "kept",     "left",
     "met",        "put",        "set",     "shut",      "sold",   "taken",        "told",     "thrown",   "begun",
     "broken",     "chosen",     "done",    "drawn",     "given",  "gone",         "grown",    "hidden",   "known",
     "seen",       "shown",      "written", "won",       "due",    "ready",        "over",     "out",      "available",
     "bought",     "brought",    "come",    "cut",       "fallen", "run",          "read",     "split",    "spent",
     "stuck",      "understood", "reset",   "succeeded", "event",  "notification", "result",   "response", "failure",
     "success",    "completion", "update",  "change",    "status", "report",       "snapshot", "alert",    "reminder",
     "occurrence", "tick"});

bool is_imperative(std::string_view name) {
  const auto words = words_of(name);
  if (words.size() < 2 || words.size() > 4) return false;
  if (words[1] == "of") return false;  // `CloseOfBusiness`
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto& word = words[i];
    if (word.ends_with("ed") || word.ends_with("ing") || word.ends_with("ion") ||
        std::ranges::find(states, word) != states.end())
      return false;
  }
  if (is_one_of(words.back(), {"command", "request", "query", "task", "job"})) return false;
  if (std::ranges::find(verbs, words[0]) != verbs.end()) return true;
  return words.size() == 2 && std::ranges::find(verbs_and_nouns, words[0]) != verbs_and_nouns.end() &&
         std::ranges::find(nouns, words[1]) != nouns.end();
}

bool says_command(std::string_view text) {
  return in_lower_case(text).find("command") != std::string::npos ||
         in_lower_case(text).find("request") != std::string::npos ||
         in_lower_case(text).find("task") != std::string::npos;
}

void run(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code&, const Facts& facts) {
    std::set<const Struct*> told;
    for (const auto& one : facts.publications) {
      if (!one.event || one.file->is_test || !is_imperative(one.event.name)) continue;
      // What asks is a command, and has every right to its name.
      const auto name_is = [&](const auto& set) { return set.find(one.event.name) != set.end(); };
      if (name_is(facts.saga_sent) || name_is(facts.asked)) continue;
      if (is_one_of(Code::text(*one.file, one.call->name), {"request", "reply", "publish_at", "publish_after"}))
        continue;
      const auto event = facts.event_of(one.event);
      if (!event || says_command(event->type->scope) || says_command(event->topic) ||
          says_command(event->type.file->path))
        continue;
      if (!told.insert(event->type.it).second) continue;
      sink.add(project, *event->type.file, event->type->at,
               quoted(one.event.name) + " is published as an event, in " + one.file->shown + ":" +
                   std::to_string(one.file->tokens()[one.call->name].line) + ", and its name is an order");
    }
  });
}

}  // namespace

const Rule event_imperative_name{.id = "event-imperative-name",
                                 .severity = Severity::advice,
                                 .finds =
                                     "An event whose name tells somebody to do something, `PlaceOrder`, instead of "
                                     "what has happened, `OrderPlaced`.",
                                 .can_happen =
                                     "Its publisher counts on one certain consumer, though anybody may subscribe, or "
                                     "nobody: a call in disguise, without an answer.",
                                 .to_do =
                                     "Name it in the past tense; or, where it is a command, send it by a saga or "
                                     "Service::request, and keep it in a namespace `commands`.",
                                 .bad = R"code(#include "tidings/service/service.hpp"
struct PlaceOrder {
  std::string order_id;
  static constexpr tidings::traits<PlaceOrder> event{.topic = "orders", .key = &PlaceOrder::order_id};
};
tidings::Result<> buy(tidings::Service& service) { return service.publish(PlaceOrder{"7"}); }
)code",
                                 .good = R"code(#include "tidings/service/service.hpp"
struct OrderPlaced {
  std::string order_id;
  static constexpr tidings::traits<OrderPlaced> event{.topic = "orders", .key = &OrderPlaced::order_id};
};
tidings::Result<> buy(tidings::Service& service) { return service.publish(OrderPlaced{"7"}); }
)code",
                                 .run = run};

}  // namespace tidings::check
