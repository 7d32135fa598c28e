#include <algorithm>

#include "causes.hpp"
#include "commands.hpp"
#include "dashboard/collector.hpp"
#include "dashboard/databases.hpp"
#include "dashboard/fate.hpp"
#include "interrupt.hpp"
#include "json_line.hpp"
#include "output.hpp"
#include "reading.hpp"
#include "tidings/base/text.hpp"
#include "tidings/service/pausing.hpp"

// `tidings why`: what became of an event, in every group of its topic.
namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

/// How long a partition with something to do is watched for whether it moves.
constexpr std::chrono::milliseconds watched_for = 2s;

/// What stands in a group's topic of dead letters of an event.
struct Parking {
  TimePoint time{};
  std::string code, reason;
  int attempts = 0;
};

struct Attempts {
  std::string group;
  Fate fate;
  std::uint64_t position = 0, settled_beyond = 0;
  bool has_members = false;
  std::vector<Parking> parkings;    ///< each time that it was
  std::optional<TimePoint> marked;  ///< in the inbox
  std::optional<Error> inbox;       ///< why nothing is known of that; none: it is, or nobody asked
  [[nodiscard]] bool has_inbox() const { return !inbox || inbox->code != "unknown_inbox"; }
};

std::string_view word_of(Fate::Status status) {
  switch (status) {
    case Fate::Status::handled:
      return "handled";
    case Fate::Status::passed:
      return "passed";
    case Fate::Status::dropped:
      return "DROPPED";
    case Fate::Status::parked:
      return "PARKED";
    case Fate::Status::in_progress:
      return "in hand";
    case Fate::Status::pending:
      return "WAITS";
  }
  return "";
}

class Why {
 public:
  Why(Broker& broker, const Common& common, const WhyArguments& arguments)
      : broker_(broker), common_(common), arguments_(arguments), databases_(arguments.stores) {}

  Result<std::vector<std::string>> run(bool& is_found) {
    auto chain = chain_of(broker_, common_, arguments_.id,
                          {.begins_by_ids = true, .goes_on = [] { return caught_signal() == 0; }});
    if (!chain) return chain.error();
    if (std::ranges::none_of(*chain, [&](const Seen& one) { return one.id == arguments_.id; })) {
      // Ids that were made elsewhere, or by a clock that goes wrong, tell no time.
      chain = chain_of(broker_, common_, arguments_.id, {.goes_on = [] { return caught_signal() == 0; }});
      if (!chain) return chain.error();
    }
    std::vector<std::string> out;
    auto first = observe(broker_, common_);
    if (!first) return first.error();
    if (auto paused = Pausing::standing(broker_, common_.name_space); paused) collector_.set_paused(std::move(*paused));
    std::vector<const Seen*> places;
    for (const auto& one : *chain)
      if (one.id == arguments_.id && !is_of_dead_letters(one.topic) && !is_own_topic(one.topic)) places.push_back(&one);
    auto in_outboxes = databases_.outbox_events(arguments_.id);
    if (!in_outboxes) return in_outboxes.error();
    outbox_ = std::move(*in_outboxes);
    is_found = !places.empty() || !outbox_.empty();
    if (!is_found) return out;
    if (places.empty()) out.push_back(common_.json ? json_of_outbox() : text_of_outbox(""));
    if (places.empty()) return out;
    // Whether a partition moves takes two looks.
    const bool any_left = std::ranges::any_of(first->groups, [&](const GroupInfo& group) {
      return std::ranges::any_of(
          places, [&](const Seen* one) { return group.topic == one->topic && stands_before(group, *one); });
    });
    if (any_left && await(-1, 0, watched_for) == Awaited::interrupted) return out;
    auto second = any_left ? observe(broker_, common_) : std::move(first);
    if (!second) return second.error();
    const auto& before = any_left ? *first : *second;
    for (const auto* const place : places) {
      std::vector<Attempts> all;
      for (const auto& group : second->groups)
        if (group.topic == place->topic) {
          auto one = attempts_of(group, *place, before, any_left);
          if (!one) return one.error();
          all.push_back(std::move(*one));
        }
      out.push_back(common_.json ? json(*place, all, *chain) : text(*place, all, *chain));
    }
    return out;
  }

 private:
  static const GroupPartitionInfo* partition_of(const GroupInfo& group, std::uint32_t partition) {
    const auto at = std::ranges::find(group.partitions, Partition{partition}, &GroupPartitionInfo::partition);
    return at == group.partitions.end() ? nullptr : &*at;
  }
  static bool stands_before(const GroupInfo& group, const Seen& place) {
    const auto* const one = partition_of(group, place.partition);
    return one != nullptr && one->position.value <= place.offset;
  }

  Result<Attempts> attempts_of(const GroupInfo& group, const Seen& place, const Observation& before, bool watched) {
    Attempts out;
    out.group = group.group;
    auto letters = read_letters(broker_, common_, group.group);
    if (!letters && letters.error().code != "unknown_topic") return letters.error();
    auto end = letters ? end_of(group.group, place) : Result<DeadLetterEnd>(DeadLetterEnd::none);
    if (!end) return end.error();
    const auto paused = collector_.pause_of(group.group);
    bool is_still = false;
    if (const auto* const is = partition_of(group, place.partition)) {
      out.position = is->position.value;
      out.settled_beyond = is->settled_beyond;
      out.has_members = is->owned;
      for (const auto& was : before.groups)
        if (was.topic == group.topic && was.group == group.group)
          if (const auto* const one = partition_of(was, place.partition))
            is_still = watched && one->position == is->position && one->settled_beyond == is->settled_beyond &&
                       one->handled == is->handled && one->parked == is->parked;
    }
    if (letters) {
      auto parked = parkings_of(group.group, place);
      if (!parked) return parked.error();
      out.parkings = std::move(*parked);
    }
    if (!databases_.empty()) {
      auto marked = databases_.marked_at(named(common_, group.group), group.topic, place.id, place.source);
      if (marked)
        out.marked = *marked;
      else
        out.inbox = std::move(marked.error());
    }
    out.fate = fate_of(group, Partition{place.partition}, Offset{place.offset}, place.key,
                       {.paused = paused,
                        .letters = letters ? &*letters : nullptr,
                        .is_still = is_still,
                        .now = system_clock().now(),
                        .expires = place.expires,
                        .end = *end,
                        .marked = out.marked});
    return out;
  }

  Result<DeadLetterEnd> end_of(const std::string& group, const Seen& place) {
    auto ends = DeadLetters::ends_of(broker_, named(common_, group),
                                     {{.topic = named(common_, place.topic),
                                       .partition = Partition{place.partition},
                                       .offset = Offset{place.offset}}},
                                     [] { return caught_signal() == 0; });
    if (!ends) return ends.error();
    return ends->front();
  }

  /// Each time that it was parked, as the group's topic of dead letters tells.
  Result<std::vector<Parking>> parkings_of(const std::string& group, const Seen& place) {
    std::vector<Parking> out;
    auto topic = broker_.topic(named(common_, dead_letters_of(group)));
    if (!topic && topic.error().code == "unknown_topic") return out;
    if (!topic) return topic.error();
    auto read = read_up_to(
        broker_, topic->name, ends_of(*topic), {.goes_on = [] { return caught_signal() == 0; }},
        [&](const Delivery& one) {
          const auto& headers = one.envelope.headers;
          if (one.envelope.id != place.id ||
              headers.get(dead_letter::topic).value_or("") != named(common_, place.topic) ||
              headers.get(dead_letter::offset).value_or("") != std::to_string(place.offset))
            return;
          Parking parking{.code = std::string(headers.get(dead_letter::code).value_or("")),
                          .reason = std::string(headers.get(dead_letter::reason).value_or("")),
                          .attempts = std::atoi(std::string(headers.get(dead_letter::attempts).value_or("0")).c_str())};
          if (const auto time = parse_rfc3339(headers.get(dead_letter::time).value_or("")); time) parking.time = *time;
          out.push_back(std::move(parking));
        });
    if (!read) return read.error();
    return out;
  }

  static std::string_view name_of(outbox::OutboxEvent::State state) {
    switch (state) {
      case outbox::OutboxEvent::State::waiting:
        return "waiting";
      case outbox::OutboxEvent::State::held:
        return "held";
      case outbox::OutboxEvent::State::retried:
        return "retried";
      case outbox::OutboxEvent::State::parked:
        return "parked";
    }
    return "";
  }

  static std::string sentence_of(const outbox::OutboxEvent& one) {
    using enum outbox::OutboxEvent::State;
    if (one.state == waiting) return "it waits in the outbox for a relay to publish it";
    const auto why = one.code + ": " + one.error;
    const std::string which = one.is_first ? "it" : "an event of its key in front of it";
    if (one.state == parked) return "it is held in the outbox, since " + which + " is parked there, " + why;
    return "it is held in the outbox, since the broker refused " + which + ", which is tried again, " + why;
  }

  [[nodiscard]] std::vector<std::string> outbox_jsons() const {
    std::vector<std::string> out;
    for (const auto& one : outbox_)
      out.push_back(JsonLine()
                        .add("id", one.id)
                        .add("type", one.type)
                        .add("topic", one.topic)
                        .add("key", one.key)
                        .add("status", name_of(one.state))
                        .add("reason", sentence_of(one))
                        .flag("effect", one.is_effect)
                        .add("since", to_rfc3339(one.since))
                        .str());
    return out;
  }

  /// Of an event that no topic has.
  [[nodiscard]] std::string json_of_outbox() const {
    JsonLine line;
    line.add("id", arguments_.id);
    for (const auto& one : outbox_)
      if (!one.is_effect) {
        line.add("type", one.type).add("key", one.key).add("topic", one.topic);
        break;
      }
    return harmless_json(
               line.raw("groups", "[]").raw("effects", "[]").raw("outbox", json_array(outbox_jsons())).str()) +
           "\n";
  }

  [[nodiscard]] std::string text_of_outbox(std::string_view indent) const {
    std::string out;
    for (const auto& one : outbox_)
      out += std::string(indent) + (one.is_effect ? "it caused " : "") + printable(one.type) +
             (one.key.empty() ? "" : " " + printable(one.key)) + "  " + printable(one.topic) + "  " +
             printable(one.id) + ": " + printable(sentence_of(one)) + ", since " +
             to_rfc3339(std::chrono::floor<std::chrono::seconds>(one.since)) + "\n";
    return out;
  }

  [[nodiscard]] std::string json(const Seen& place, const std::vector<Attempts>& all,
                                 const std::vector<Seen>& chain) const {
    std::vector<std::string> groups, effects;
    for (const auto& one : all) {
      std::vector<std::string> parkings;
      for (const auto& parking : one.parkings)
        parkings.push_back(JsonLine()
                               .add("time", to_rfc3339(parking.time))
                               .add("code", parking.code)
                               .add("reason", parking.reason)
                               .add("attempts", static_cast<std::uint64_t>(std::max(parking.attempts, 0)))
                               .str());
      groups.push_back(JsonLine()
                           .add("group", one.group)
                           .add("status", cli::name_of(one.fate.status))
                           .add("blocker", one.fate.blocker)
                           .add("reason", one.fate.reason)
                           .add("position", one.position)
                           .add("settled_beyond", one.settled_beyond)
                           .flag("members", one.has_members)
                           .raw("parked", json_array(parkings))
                           .text_or_null("marked", one.marked ? to_rfc3339(*one.marked) : "")
                           .str());
    }
    for (const auto& one : chain)
      if (one.cause == place.id && !is_of_dead_letters(one.topic))
        effects.push_back(JsonLine()
                              .add("id", one.id)
                              .add("type", one.type)
                              .add("topic", one.topic)
                              .add("time", to_rfc3339(one.time))
                              .str());
    return harmless_json(JsonLine()
                             .add("id", place.id)
                             .add("type", place.type)
                             .add("key", place.key)
                             .add("topic", place.topic)
                             .add("partition", place.partition)
                             .add("offset", place.offset)
                             .add("time", to_rfc3339(place.time))
                             .add("source", place.source)
                             .add("cause", place.cause)
                             .raw("groups", json_array(groups))
                             .raw("effects", json_array(effects))
                             .raw("outbox", json_array(outbox_jsons()))
                             .str()) +
           "\n";
  }

  [[nodiscard]] std::string text(const Seen& place, const std::vector<Attempts>& all,
                                 const std::vector<Seen>& chain) const {
    // The databases are those of some services: of the others there is nothing to say, unless they are of none.
    const bool is_any_known = std::ranges::any_of(all, &Attempts::has_inbox);
    auto out = printable(place.type) + (place.key.empty() ? "" : " " + printable(place.key)) + "  " + place.topic +
               "/" + std::to_string(place.partition) + "@" + std::to_string(place.offset) + "  " +
               to_rfc3339(place.time) + (place.source.empty() ? "" : "  from " + printable(place.source)) + "\n";
    for (const auto& one : chain)
      if (one.id == place.cause && !is_of_dead_letters(one.topic))
        out += "  caused by " + printable(one.type) + " " + printable(one.id) + "\n";
    if (all.empty()) out += "  no group reads topic " + place.topic + ": nobody is to handle it\n";
    for (const auto& one : all) {
      out += "  " + one.group + ": " + std::string(word_of(one.fate.status)) + ": " + printable(one.fate.reason) + "\n";
      for (const auto& parking : one.parkings)
        out += "    parked at " + to_rfc3339(std::chrono::floor<std::chrono::seconds>(parking.time)) + " after " +
               std::to_string(parking.attempts) + (parking.attempts == 1 ? " attempt, " : " attempts, ") +
               printable(parking.code) + ": " + printable(parking.reason) + "\n";
      if (one.inbox && (one.has_inbox() || !is_any_known))
        out += "    " + printable(one.inbox->message) + "\n";
      else if (!one.inbox && !one.marked && !databases_.empty() && one.fate.status == Fate::Status::passed)
        out +=
            "    its inbox knows nothing of it: it is of a type that is not taken there, or that is forgotten by now\n";
    }
    for (const auto& one : chain)
      if (one.cause == place.id && one.id != place.id && !is_of_dead_letters(one.topic))
        out += "  it caused " + printable(one.type) + (one.key.empty() ? "" : " " + printable(one.key)) + "  " +
               one.topic + "/" + std::to_string(one.partition) + "@" + std::to_string(one.offset) + "  " +
               printable(one.id) + "\n";
    return out + text_of_outbox("  ");
  }

  Broker& broker_;
  const Common& common_;
  const WhyArguments& arguments_;
  Databases databases_;
  std::vector<outbox::OutboxEvent> outbox_;  // what of it, and of what it caused, stands there
  Collector collector_{common_};
};

}  // namespace

int why(const Common& common, const WhyArguments& arguments) {
  catch_signals();
  if (auto valid = check_names(common, ""); !valid) return fail(valid.error());
  auto broker = open(common, false);
  if (!broker) return fail(broker.error());
  bool is_found = false;
  auto told = Why(**broker, common, arguments).run(is_found);
  if (!told) return fail(told.error());
  if (caught_signal() != 0) return status_after_signals(done);
  if (!is_found)
    return fail({"not_found", "no event has the id '" + printable(arguments.id) + "' in what the topics keep"});
  std::string out;
  for (const auto& one : *told) out += (out.empty() || common.json ? "" : "\n") + one;
  return print(out);
}

}  // namespace tidings::cli
