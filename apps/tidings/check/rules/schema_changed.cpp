#include <array>
#include <cctype>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "check/rules/all.hpp"
#include "check/rules/words.hpp"
#include "check/schemas.hpp"

namespace tidings::check {

namespace {

std::string_view without_optional(std::string_view type) {
  return type.starts_with("optional<") && type.ends_with('>') ? type.substr(9, type.size() - 10) : type;
}

struct Whole {
  std::string_view name;
  int bits;
  bool is_signed;
};

/// As 64-bit Linux has them, which is where all of it runs.
constexpr auto wholes = std::to_array<Whole>({
    {"int8_t", 8, true},
    {"int16_t", 16, true},
    {"short", 16, true},
    {"short int", 16, true},
    {"int32_t", 32, true},
    {"int", 32, true},
    {"signed", 32, true},
    {"signed int", 32, true},
    {"int64_t", 64, true},
    {"long", 64, true},
    {"long int", 64, true},
    {"signed long", 64, true},
    {"long long", 64, true},
    {"long long int", 64, true},
    {"ptrdiff_t", 64, true},
    {"ssize_t", 64, true},
    {"intmax_t", 64, true},
    {"uint8_t", 8, false},
    {"uint16_t", 16, false},
    {"unsigned short", 16, false},
    {"unsigned short int", 16, false},
    {"uint32_t", 32, false},
    {"unsigned", 32, false},
    {"unsigned int", 32, false},
    {"uint64_t", 64, false},
    {"unsigned long", 64, false},
    {"unsigned long int", 64, false},
    {"unsigned long long", 64, false},
    {"unsigned long long int", 64, false},
    {"size_t", 64, false},
    {"uintmax_t", 64, false},
});

/// `shop::OrderLine` is one word, and what no byte tells of is none.
std::vector<std::string_view> words_of(std::string_view type) {
  const auto is_letter = [](char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; };
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < type.size();) {
    if (type[at] == ' ') {
      ++at;
      continue;
    }
    auto end = at + 1;
    if (is_letter(type[at]))
      while (end < type.size() &&
             (is_letter(type[end]) || (type.substr(end).starts_with("::") && end + 2 < type.size())))
        end += is_letter(type[end]) ? 1 : 2;
    const auto word = type.substr(at, end - at);
    if (word != "const" && word != "volatile") words.push_back(word);
    at = end;
  }
  return words;
}

std::string_view last_of(std::string_view name) {
  const auto joint = name.rfind("::");
  return joint == std::string_view::npos ? name : name.substr(joint + 2);
}

struct Change {
  std::string what;
  std::string_view member;
  bool breaks = true;
};

/// An event as it was recorded, beside what it is now: members, structs and enumerations within it.
class Versions {
 public:
  Versions(const Schema& was, const Schema& is) : was_(was), is_(is) {}

  [[nodiscard]] std::vector<Change> changes() {
    std::vector<Change> out;
    compare(was_.members, is_.members, "", out);
    for (std::size_t i = 0; i < types_.size(); ++i) {
      const auto [before, now] = types_[i];
      const auto from = out.size();
      compare(before->members, now->members, before->name + "::", out);
      for (auto at = from; at < out.size(); ++at) out[at].member = {};
    }
    for (const auto& [before, now] : enums_) compare(*before, *now, out);
    return out;
  }

  /// Whether what was written as `before` is read as `now`.
  bool reads(const SchemaMember& before, const SchemaMember& now) {
    return reads(before.type, now.type) || now.is_vague || before.type == now.written;
  }

 private:
  template <class T>
  static const T* named(const std::vector<T>& in, std::string_view name) {
    const T* only = nullptr;
    for (const auto& one : in) {
      if (one.name == name) return &one;
      if (!one.name.ends_with("::" + std::string(name)) && !name.ends_with("::" + one.name)) continue;
      if (only != nullptr) return nullptr;
      only = &one;
    }
    return only;
  }

  /// Both are compared by what is in them, whatever they are called.
  template <class T>
  static bool pair(const std::vector<T>& before, std::string_view was, const std::vector<T>& now, std::string_view is,
                   std::vector<std::pair<const T*, const T*>>& into) {
    const std::pair both{named(before, was), named(now, is)};
    if (both.first == nullptr || both.second == nullptr) return false;
    if (std::ranges::find(into, both) == into.end()) into.push_back(both);
    return true;
  }

  bool is_same(std::string_view before, std::string_view now) {
    const auto had = words_of(before), has = words_of(now);
    if (had.size() != has.size()) return false;
    for (std::size_t i = 0; i < had.size(); ++i) {
      if (pair(was_.types, had[i], is_.types, has[i], types_) || pair(was_.enums, had[i], is_.enums, has[i], enums_))
        continue;
      const bool is_qualified =
          had[i].find("::") != std::string_view::npos && has[i].find("::") != std::string_view::npos;
      if (had[i] != has[i] && (is_qualified || last_of(had[i]) != last_of(has[i]))) return false;
    }
    return true;
  }

  bool reads(std::string_view before, std::string_view now) {
    if (is_same(before, now)) return true;
    if (now.starts_with("optional<")) return reads(without_optional(before), without_optional(now));
    const auto* const had = std::ranges::find(wholes, before, &Whole::name);
    const auto* const has = std::ranges::find(wholes, now, &Whole::name);
    if (had == wholes.end() || has == wholes.end()) return false;
    return had->is_signed == has->is_signed ? has->bits >= had->bits : has->is_signed && has->bits > had->bits;
  }

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
    const bool is_renamed =
        gone.size() == 1 && come.size() == 1 && is_same(find(before, gone[0])->type, find(now, come[0])->type);
    if (is_renamed)
      out.push_back(
          {"the member " + quoted(of + gone[0]) + " is called " + quoted(come[0]) + " now", find(now, come[0])->name});
    else
      for (const auto& name : gone) out.push_back({"the member " + quoted(of + name) + " is gone", {}});
    for (const auto& one : before) {
      const auto same = find(now, one.name);
      if (same == now.end() || is_same(one.type, same->type) || same->is_vague || one.type == same->written) continue;
      const bool fits = reads(one.type, same->type);
      out.push_back(
          {"the member " + quoted(of + one.name) + " was " + quoted(one.type) + " and is " + quoted(same->type),
           same->name, !fits});
    }
    if (is_renamed) return;
    for (const auto& name : come) {
      const auto is = find(now, name);
      const bool fits = is->is_optional || is->has_value;
      out.push_back({"the member " + quoted(of + name) +
                         (fits ? " is new" : " is new, and has no initialiser for events that lack it"),
                     is->name, !fits});
    }
  }

  static void compare(const SchemaEnum& before, const SchemaEnum& now, std::vector<Change>& out) {
    const auto lacks = [](const SchemaEnum& in, const std::string& name) {
      return std::ranges::find(in.enumerators, name) == in.enumerators.end();
    };
    for (const auto& name : before.enumerators)
      if (lacks(now, name))
        out.push_back(
            {"the enumerator " + quoted(before.name + "::" + name) + " is gone, by whose name values travel", {}});
    for (const auto& name : now.enumerators)
      if (lacks(before, name))
        out.push_back({"the enumerator " + quoted(now.name + "::" + name) + " is new", {}, false});
  }

  const Schema& was_;
  const Schema& is_;
  std::vector<std::pair<const SchemaType*, const SchemaType*>> types_;
  std::vector<std::pair<const SchemaEnum*, const SchemaEnum*>> enums_;
};

/// The member that a key names: `id` of `&shop::Accepted::id`, whatever the struct is called.
std::string_view key_of(std::string_view key) {
  return key.starts_with('&') ? last_of(key) : key;
}

using Key = std::pair<std::string_view, std::uint32_t>;  // an event's name and version

class Comparison {
 public:
  Comparison(const Workspace& workspace, const Project& project, const Facts& facts, const Schemas& before,
             const Schemas& now, Sink& sink)
      : workspace_(workspace), project_(project), facts_(facts), before_(before), now_(now), sink_(sink) {
    for (const auto& one : before.events) had_.emplace(Key{one.event, one.version}, &one);
    for (const auto& one : now.events) has_.emplace(Key{one.event, one.version}, &one);
    for (const auto& one : facts.events) {
      events_.emplace(Key{one.name, one.version}, &one);
      all_known_ = all_known_ && one.is_known;
    }
  }

  void look() {
    for (const auto& was : before_.events) one(was);
    for (const auto& is : now_.events) {
      const auto* const event = of(is);
      if (event == nullptr || had_.contains({is.event, is.version}) || renamed_.contains(&is)) continue;
      if (without_upcast(is, *event) || told_.contains(event)) continue;
      tell(*event, {},
           "the event " + quoted(is.event) + ", version " + std::to_string(is.version) + ", is not recorded yet",
           Severity::advice);
    }
  }

 private:
  [[nodiscard]] const Event* of(const Schema& schema) const {
    const auto found = events_.find({schema.event, schema.version});
    return found == events_.end() ? nullptr : found->second;
  }

  /// One that is not recorded, and is what `was` was but for its name.
  [[nodiscard]] const Schema* renamed(const Schema& was) const {
    if (was.members.empty()) return nullptr;
    for (const auto& is : now_.events) {
      const auto other = had_.lower_bound({is.event, 0});
      if ((other != had_.end() && other->first.first == is.event) || renamed_.contains(&is)) continue;
      Versions both(was, is);
      const bool is_same = std::ranges::equal(
          was.members, is.members, [&](const auto& a, const auto& b) { return a.name == b.name && both.reads(a, b); });
      if (is_same) return &is;
    }
    return nullptr;
  }

  /// A handler of another project that takes it still; empty: none, or that project has it now.
  [[nodiscard]] std::string still_taken(const Schema& was) const {
    std::string by;
    for (const auto& other : workspace_.projects) {
      if (other->project == &project_) continue;
      const auto is_it = [&](const Type& type) {
        const auto event = other->facts.event_of(type);
        return event && event->is_known && event->name == was.event;
      };
      for (const auto& one : other->facts.publications)
        if (one.event && !one.file->is_test && is_it(one.event)) return {};
      for (const auto& one : other->facts.handlers)
        if (by.empty() && !one.file->is_test && std::ranges::any_of(one.events, is_it))
          by = name_of(one) + " of " + one.file->shown;
    }
    return by;
  }

  void tell(const Event& event, std::string_view member, const std::string& what, Severity severity) {
    told_.insert(&event);
    auto at = event.type->at;
    for (const auto& one : event.type->members)
      if (!member.empty() && one.name == member) at = one.at;
    sink_.add(project_, *event.type.file, at, what, severity);
  }

  void one(const Schema& was) {
    const auto found = has_.find({was.event, was.version});
    if (found == has_.end()) return newer(was);
    const auto* const same = found->second;
    const auto* const event = of(*same);
    if (event == nullptr) return;
    const auto changes = Versions(was, *same).changes();
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
    if (key_of(was.key) != key_of(same->key))
      tell(*event, {},
           "the event " + name + " has another key: what is published now is in no order with what was before",
           Severity::warning);
  }

  /// Tells of a new version that stands beside the one before, and cannot be made from it, though nobody takes that.
  bool without_upcast(const Schema& is, const Event& event) {
    const auto behind = had_.lower_bound({is.event, is.version});
    if (behind == had_.begin()) return false;
    const auto& [key, was] = *std::prev(behind);
    // Where it is gone, `newer` tells of it.
    if (key.first != is.event || !has_.contains(key) || has_upcast(event) || Versions(*was, is).changes().empty())
      return false;
    const auto takes_it = [&](const Workspace::One& in, const Type& type) {
      const auto taken = in.facts.event_of(type);
      return !taken || !taken->is_known || (taken->name == key.first && taken->version == key.second);
    };
    for (const auto& in : workspace_.projects)
      for (const auto& one : in->facts.handlers)
        if (one.events.empty() ||
            std::ranges::any_of(one.events, [&](const auto& type) { return takes_it(*in, type); }))
          return false;
    tell(event, {},
         "version " + std::to_string(is.version) + " of the event " + quoted(is.event) +
             " has other members than version " + std::to_string(was->version) + ", and no upcast from it",
         Severity::error);
    return true;
  }

  static bool has_upcast(const Event& event) {
    return std::ranges::find(event.type->functions, "upcast") != event.type->functions.end();
  }

  void newer(const Schema& was) {
    const auto behind = has_.upper_bound({was.event, was.version});
    if (behind != has_.end() && behind->first.first == was.event) {
      const auto* const next = behind->second;
      const auto* const event = of(*next);
      if (event == nullptr || has_upcast(*event)) return;
      return tell(*event, {},
                  "version " + std::to_string(was.version) + " of the event " + quoted(was.event) +
                      " is gone, and version " + std::to_string(next->version) + " has no upcast from it",
                  Severity::error);
    }
    // One whose traits are not understood any more may be it.
    if (!all_known_) return;
    const auto name = "the event " + quoted(was.event) + ", version " + std::to_string(was.version) + ",";
    const bool is_last = [&] {  // of its name
      const auto other = has_.lower_bound({was.event, 0});
      return other == has_.end() || other->first.first != was.event;
    }();
    const auto* const other = is_last ? renamed(was) : nullptr;
    const auto* const event = other == nullptr ? nullptr : of(*other);
    if (event != nullptr) {
      renamed_.insert(other);
      return tell(*event, {},
                  name + " is called " + quoted(other->event) +
                      " now: who takes the old name gets no more of them, and what is stored under it is not read",
                  Severity::error);
    }
    const auto by = is_last ? still_taken(was) : std::string();
    sink_.add_elsewhere(project_, project_.name_of("events.lock.json"), 1,
                        name + " is gone" + (by.empty() ? std::string() : ", and " + by + " takes it still"),
                        by.empty() ? Severity::warning : Severity::error);
  }

  const Workspace& workspace_;
  const Project& project_;
  const Facts& facts_;
  const Schemas& before_;
  const Schemas& now_;
  Sink& sink_;
  std::map<Key, const Schema*> had_, has_;
  std::map<Key, const Event*> events_;
  std::set<const Schema*> renamed_;
  std::set<const Event*> told_;
  bool all_known_ = true;
};

void run(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code&, const Facts& facts) {
    if (!project.has_schemas) return;
    const auto before = read_schemas(project.schemas, project.name_of("events.lock.json"));
    if (!before) {
      sink.add_elsewhere(
          project, project.name_of("events.lock.json"), 1, before.error().message, Severity::error,
          "Take it from version control again, or run the newest tidings; until then nothing is compared.");
      return;
    }
    const auto now = schemas_of(facts);
    Comparison(workspace, project, facts, *before, now, sink).look();
  });
}

}  // namespace

const Rule schema_changed{
    .id = "schema-changed",
    .severity = Severity::error,
    .finds =
        "An event that is not as events.lock.json has recorded it, in a way that stored events do not bear: a member "
        "that is gone, renamed, of another type, or "
        "new without an initialiser, while its version is the same or has no upcast; or that has another name. Smaller "
        "differences are told as advice.",
    .can_happen = "What is stored, parked or on its way cannot be read, or is read with members empty that were not.",
    .to_do =
        "Raise its version, keep the old struct, and add an upcast; keep the name, or publish under both until nobody "
        "takes the old one; or take the change back. Then record it: tidings check --update-schemas.",
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
