#include "check/rules/all.hpp"
#include "check/rules/words.hpp"
#include "check/schemas.hpp"

namespace tidings::check {

namespace {

std::string_view without_optional(std::string_view type) {
  return type.starts_with("optional<") && type.ends_with('>') ? type.substr(9, type.size() - 10) : type;
}

int bits_of(std::string_view type, bool& is_signed) {
  is_signed = !type.starts_with('u');
  const auto name = type.substr(is_signed ? 0 : 1);
  return name == "int8_t"                       ? 8
         : name == "int16_t" || name == "short" ? 16
         : name == "int32_t" || name == "int"   ? 32
         : name == "int64_t"                    ? 64
                                                : 0;
}

/// Whether what was written as `before` is read as `now`.
bool reads(std::string_view before, std::string_view now) {
  if (before == now) return true;
  if (now.starts_with("optional<")) return reads(without_optional(before), without_optional(now));
  bool was_signed = false, is_signed = false;
  const int had = bits_of(before, was_signed), has = bits_of(now, is_signed);
  return had > 0 && has > 0 && ((was_signed == is_signed && has >= had) || (!was_signed && is_signed && has > had));
}

struct Change {
  std::string what;
  std::string_view member;
  bool breaks = true;
};

void compare(const std::vector<SchemaMember>& before, const std::vector<SchemaMember>& now, const std::string& of,
             std::vector<Change>& out) {
  const auto find = [](const std::vector<SchemaMember>& in, const std::string& name) {
    return std::ranges::find(in, name, &SchemaMember::name);
  };
  std::vector<std::string> gone, come;
  for (const auto& one : before)
    if (find(now, one.name) == now.end()) gone.push_back(one.name);
  for (const auto& one : now)
    if (find(before, one.name) == before.end()) come.push_back(one.name);
  for (const auto& name : gone) {
    const auto was = find(before, name);
    const auto other = std::ranges::find_if(come, [&](const auto& one) { return find(now, one)->type == was->type; });
    if (gone.size() == 1 && come.size() == 1 && other != come.end())
      out.push_back(
          {"the member " + quoted(of + name) + " is called " + quoted(*other) + " now", find(now, *other)->name});
    else
      out.push_back({"the member " + quoted(of + name) + " is gone", {}});
  }
  for (const auto& one : before) {
    const auto same = find(now, one.name);
    if (same == now.end() || same->type == one.type) continue;
    const bool fits = reads(one.type, same->type);
    out.push_back({"the member " + quoted(of + one.name) + " was " + quoted(one.type) + " and is " + quoted(same->type),
                   same->name, !fits});
  }
  for (const auto& name : come) {
    const auto is = find(now, name);
    const bool fits = is->is_optional || is->has_value;
    if (gone.size() == 1 && come.size() == 1 && out.size() == 1 && out[0].member == is->name) continue;  // renamed
    out.push_back({"the member " + quoted(of + name) +
                       (fits ? " is new" : " is new, and has no initialiser for events that lack it"),
                   is->name, !fits});
  }
}

class Comparison {
 public:
  Comparison(const Project& project, const Facts& facts, const Schemas& before, const Schemas& now, Sink& sink)
      : project_(project), facts_(facts), before_(before), now_(now), sink_(sink) {}

  void look() {
    for (const auto& was : before_.events) one(was);
    for (const auto& is : now_.events) {
      const bool is_known = std::ranges::any_of(
          before_.events, [&](const auto& was) { return was.event == is.event && was.version == is.version; });
      if (!is_known) {
        const auto* const event = of(is);
        if (event != nullptr)
          tell(*event, {},
               "the event " + quoted(is.event) + ", version " + std::to_string(is.version) + ", is not recorded yet",
               Severity::advice);
      }
    }
  }

 private:
  [[nodiscard]] const Event* of(const Schema& schema) const {
    for (const auto& event : facts_.events)
      if (event.name == schema.event && event.version == schema.version) return &event;
    return nullptr;
  }

  void tell(const Event& event, std::string_view member, const std::string& what, Severity severity) {
    auto at = event.type->at;
    for (const auto& one : event.type->members)
      if (!member.empty() && one.name == member) at = one.at;
    sink_.add(project_, *event.type.file, at, what, severity);
  }

  void one(const Schema& was) {
    const auto same = std::ranges::find_if(
        now_.events, [&](const auto& is) { return is.event == was.event && is.version == was.version; });
    if (same == now_.events.end()) return newer(was);
    const auto* const event = of(*same);
    if (event == nullptr) return;
    std::vector<Change> changes;
    compare(was.members, same->members, "", changes);
    for (const auto& type : was.types)
      for (const auto& now : same->types)
        if (now.name == type.name) {
          std::vector<Change> inner;
          compare(type.members, now.members, type.name + "::", inner);
          for (auto& change : inner) change.member = {};
          changes.insert(changes.end(), inner.begin(), inner.end());
        }
    const auto name = quoted(was.event) + ", version " + std::to_string(was.version);
    for (const auto& change : changes)
      tell(*event, change.member,
           change.breaks ? "events " + name + " that are stored or on their way do not fit any more: " + change.what
                         : "of the event " + name + " " + change.what + ", which is not recorded yet",
           change.breaks ? Severity::error : Severity::advice);
    if (was.topic != same->topic)
      tell(*event, {},
           "the event " + name + " goes to the topic " + quoted(same->topic) + " instead of " + quoted(was.topic) +
               ": what waits there is left behind",
           Severity::warning);
    if (was.key != same->key)
      tell(*event, {},
           "the event " + name + " has another key: what is published now is in no order with what was before",
           Severity::warning);
  }

  void newer(const Schema& was) {
    const Schema* next = nullptr;
    for (const auto& is : now_.events)
      if (is.event == was.event && is.version > was.version && (next == nullptr || is.version < next->version))
        next = &is;
    if (next != nullptr) {
      const auto* const event = of(*next);
      if (event == nullptr || std::ranges::find(event->type->functions, "upcast") != event->type->functions.end())
        return;
      return tell(*event, {},
                  "version " + std::to_string(was.version) + " of the event " + quoted(was.event) +
                      " is gone, and version " + std::to_string(next->version) + " has no upcast from it",
                  Severity::error);
    }
    // One whose traits are not understood any more may be it.
    for (const auto& event : facts_.events)
      if (!event.is_known) return;
    sink_.add_elsewhere(project_, project_.name_of("events.lock.json"), 1,
                        "the event " + quoted(was.event) + ", version " + std::to_string(was.version) + ", is gone",
                        Severity::warning);
  }

  const Project& project_;
  const Facts& facts_;
  const Schemas& before_;
  const Schemas& now_;
  Sink& sink_;
};

void run(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code&, const Facts& facts) {
    if (!project.has_schemas) return;
    const auto before = read_schemas(project.schemas, project.name_of("events.lock.json"));
    if (!before) {
      sink.add_elsewhere(project, project.name_of("events.lock.json"), 1, before.error().message);
      return;
    }
    const auto now = schemas_of(facts);
    Comparison(project, facts, *before, now, sink).look();
  });
}

}  // namespace

const Rule schema_changed{
    .id = "schema-changed",
    .severity = Severity::error,
    .finds =
        "An event that is not as events.lock.json has recorded it, in a way that stored events do not bear: a member "
        "that is gone, renamed, of another type, or "
        "new without an initialiser, while its version is the same or has no upcast. Smaller differences are told as "
        "advice.",
    .can_happen = "What is stored, parked or on its way cannot be read, or is read with members empty that were not.",
    .to_do =
        "Raise its version, keep the old struct, and add an upcast; or take the change back. Then record it: tidings "
        "check --update-schemas.",
    .bad =
        "// events.lock.json has the member \"total_minor\" of shop.order-placed, version 1\nstruct OrderPlaced {\n  "
        "std::string order_id;\n  std::int64_t total = 0;\n"
        "  static constexpr tidings::traits<OrderPlaced> event{.name = \"shop.order-placed\", .key = "
        "&OrderPlaced::order_id};\n};\n",
    .good =
        "struct OrderPlaced {\n  std::string order_id;\n  std::int64_t total = 0;\n"
        "  static constexpr tidings::traits<OrderPlaced> event{.name = \"shop.order-placed\", .version = 2, .key = "
        "&OrderPlaced::order_id};\n"
        "  static OrderPlaced upcast(const v1::OrderPlaced& old) { return {old.order_id, old.total_minor}; }\n};\n",
    .run = run};

}  // namespace tidings::check
