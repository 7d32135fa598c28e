#include "why_finding.hpp"

#include <algorithm>
#include <charconv>

#include "asked_fate.hpp"
#include "dashboard/collector.hpp"
#include "dashboard/databases.hpp"
#include "dashboard/pauses.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

/// How long a partition with something to do is watched for whether it moves.
constexpr std::chrono::milliseconds watched_for = 2s;

bool goes_on() {
  return caught_signal() == 0;
}

const GroupPartitionInfo* partition_of(const GroupInfo& group, std::uint32_t partition) {
  const auto at = std::ranges::find(group.partitions, Partition{partition}, &GroupPartitionInfo::partition);
  return at == group.partitions.end() ? nullptr : &*at;
}

bool stands_before(const GroupInfo& group, const Seen& place) {
  const auto* const one = partition_of(group, place.partition);
  return one != nullptr && one->position.value <= place.offset;
}

/// Whether the partition has not moved between two looks.
bool is_still(const GroupPartitionInfo& before, const GroupPartitionInfo& after) {
  return before.position == after.position && before.settled_beyond == after.settled_beyond &&
         before.handled == after.handled && before.parked == after.parked;
}

class Finding {
 public:
  Finding(Broker& broker, const Common& common, const WhyArguments& arguments)
      : broker_(broker), common_(common), arguments_(arguments), databases_(arguments.stores) {}

  Result<WhyFound> run() {
    if (auto read = read_chain(); !read) return read.error();
    auto first = observe(broker_, common_);
    if (!first) return first.error();
    for (const auto& one : first->damaged) found_.unread.emplace(one.name(), one.message);
    Pauses().look(broker_, common_, *first, collector_);
    for (const auto& one : found_.chain)
      if (one.id == arguments_.id && !is_of_dead_letters(one.topic) && !is_own_topic(one.topic))
        found_.places.push_back({.event = one, .groups = {}});
    auto in_outboxes = databases_.outbox_events(arguments_.id);
    if (!in_outboxes) return in_outboxes.error();
    found_.outbox = std::move(*in_outboxes);
    if (found_.places.empty()) return std::move(found_);
    // Whether a partition moves takes two looks.
    const bool any_left = std::ranges::any_of(first->groups, [&](const GroupInfo& group) {
      return std::ranges::any_of(found_.places, [&](const EventInTopic& place) {
        return group.topic == place.event.topic && stands_before(group, place.event);
      });
    });
    if (any_left && await(-1, 0, watched_for) == Awaited::interrupted) return std::move(found_);
    auto second = any_left ? observe(broker_, common_) : std::move(first);
    if (!second) return second.error();
    const auto& before = any_left ? *first : *second;
    for (auto& place : found_.places) {
      for (const auto& group : second->groups) {
        if (group.topic != place.event.topic) continue;
        auto one = in_group(group, place.event, any_left ? before.group(group.topic, group.group) : nullptr);
        if (!one) return one.error();
        place.groups.push_back(std::move(*one));
      }
      if (arguments_.ask)
        if (auto asked = ask(place); !asked) return asked.error();
    }
    return std::move(found_);
  }

 private:
  Result<> read_chain() {
    CauseOptions options{
        .begins_by_ids = true,
        .goes_on = goes_on,
        .on_unfinished =
            [&](const std::string& topic, Duration quiet) {
              found_.unread.emplace(topic, "it gave nothing for " + to_text(quiet) + " before its end");
            },
        .on_damage = [&](const std::string& topic, const Error& why) { found_.unread.emplace(topic, to_string(why)); }};
    auto chain = chain_of(broker_, common_, arguments_.id, options);
    if (!chain) return chain.error();
    if (std::ranges::none_of(*chain, [&](const Seen& one) { return one.id == arguments_.id; })) {
      // Ids that were made elsewhere, or by a clock that goes wrong, tell no time.
      options.begins_by_ids = false;
      chain = chain_of(broker_, common_, arguments_.id, options);
      if (!chain) return chain.error();
    }
    found_.chain = std::move(*chain);
    return {};
  }

  Result<EventInGroup> in_group(const GroupInfo& group, const Seen& place, const GroupInfo* before) {
    EventInGroup out;
    out.group = group.group;
    GroupKnowledge known;
    known.now = system_clock().now();
    known.expires = place.expires;
    const auto paused = collector_.pause_of(group.group);
    known.paused = paused;
    const auto* const is = partition_of(group, place.partition);
    if (is != nullptr) {
      out.position = is->position.value;
      out.settled_beyond = is->settled_beyond;
      out.has_members = is->owned;
      const auto* const was = before == nullptr ? nullptr : partition_of(*before, place.partition);
      known.is_still = was != nullptr && is_still(*was, *is);
    }
    auto letters = letters_of(group.group);
    if (!letters) return letters.error();
    known.letters = *letters;
    known.end = DeadLetterEnd::none;
    if (*letters != nullptr) {
      auto end = read_parkings(out, place);
      if (!end) return end.error();
      known.end = *end;
    }
    if (!databases_.empty()) {
      auto marked = databases_.marked_at(named(common_, group.group), group.topic, place.id, place.source);
      if (marked)
        out.marked = *marked;
      else
        out.inbox = std::move(marked.error());
    }
    known.marked = out.marked;
    out.fate = fate_of(group, Partition{place.partition}, Offset{place.offset}, place.key, known);
    return out;
  }

  /// What is parked of the group, read once; null where nothing ever was, or it cannot be read.
  Result<const LetterBoard::Group*> letters_of(const std::string& group) {
    const auto known = letters_.find(group);
    if (known != letters_.end()) return known->second ? &*known->second : nullptr;
    auto& kept = letters_[group];
    auto letters = read_letters(broker_, common_, group);
    if (letters)
      kept = std::move(*letters);
    else if (letters.error().code == "corrupt")
      found_.unread.emplace(dead_letters_of(group), to_string(letters.error()));
    else if (letters.error().code != "unknown_topic")
      return letters.error();
    return kept ? &*kept : nullptr;
  }

  /// Each time that it was parked, and what became of it. One reading has both.
  Result<std::optional<DeadLetterEnd>> read_parkings(EventInGroup& out, const Seen& place) {
    const auto topic = named(common_, place.topic);
    auto ends = DeadLetters::ends_of(
        broker_, named(common_, out.group),
        {{.topic = topic, .partition = Partition{place.partition}, .offset = Offset{place.offset}}}, goes_on,
        [&](const Delivery& entry) {
          const auto& headers = entry.envelope.headers;
          if (entry.envelope.id != place.id || headers.get(dead_letter::topic).value_or("") != topic ||
              headers.get(dead_letter::offset).value_or("") != std::to_string(place.offset))
            return;
          Parking parking{.code = std::string(headers.get(dead_letter::code).value_or("")),
                          .reason = std::string(headers.get(dead_letter::reason).value_or(""))};
          const auto attempts = headers.get(dead_letter::attempts).value_or("");
          (void)std::from_chars(attempts.data(), attempts.data() + attempts.size(), parking.attempts);
          if (const auto time = parse_rfc3339(headers.get(dead_letter::time).value_or("")); time) parking.time = *time;
          out.parkings.push_back(std::move(parking));
        });
    if (ends) return std::optional(ends->front());
    if (ends.error().code != "corrupt") return ends.error();
    found_.unread.emplace(dead_letters_of(out.group), to_string(ends.error()));
    return std::optional<DeadLetterEnd>();
  }

  /// The processes of those groups of which positions and dead letters do not tell.
  Result<> ask(EventInTopic& place) {
    AttemptsQuestion question{.topic = place.event.topic,
                              .partition = Partition{place.event.partition},
                              .offsets = {Offset{place.event.offset}},
                              .type = place.event.type,
                              .groups = {}};
    for (const auto& one : place.groups) {
      if (!one.has_members || !is_worth_asking(one.fate)) continue;
      question.groups.push_back(one.group);
      if (one.position < place.event.offset) question.offsets.emplace_back(one.position);
    }
    if (question.groups.empty()) return {};
    auto answers = ask_about_attempts(broker_, question, common_.name_space, 6s, goes_on);
    if (!answers) return answers.error();
    for (auto& one : place.groups) {
      if (std::ranges::find(question.groups, one.group) == question.groups.end()) continue;
      for (auto& answer : *answers)
        if (answer.group == one.group) one.answers.push_back(std::move(answer));
      tell_by_answers(one.fate, one.answers, place.event, one.position);
    }
    return {};
  }

  Broker& broker_;
  const Common& common_;
  const WhyArguments& arguments_;
  Databases databases_;
  Collector collector_{common_};
  std::map<std::string, std::optional<LetterBoard::Group>> letters_;
  WhyFound found_;
};

}  // namespace

Result<WhyFound> find_why(Broker& broker, const Common& common, const WhyArguments& arguments) {
  return Finding(broker, common, arguments).run();
}

}  // namespace tidings::cli
