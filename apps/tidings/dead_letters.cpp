#include <algorithm>
#include <functional>
#include <map>

#include "commands.hpp"
#include "json_line.hpp"
#include "letters_meant.hpp"
#include "output.hpp"
#include "text_form.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/cloud_events.hpp"

// What is parked, as it is told: `tidings dead-letters list` and `show`.
namespace tidings::cli {
namespace {

/// A blocked key, or an event by itself: its first event, and how many stand behind it.
struct Row {
  std::string group, topic, key, code, reason, id;
  std::uint32_t partition = 0;
  std::uint64_t offset = 0, events = 0;
  int attempts = 0;
  TimePoint parked{};
  bool blocks = false;
};

Row row_of(const std::string& group, const std::string& topic, const DeadLetter& letter) {
  return {.group = group,
          .topic = topic,
          .key = std::string(letter.delivery.envelope.key),
          .code = std::string(letter.code),
          .reason = std::string(letter.reason),
          .id = std::string(letter.delivery.envelope.id),
          .partition = letter.partition.value,
          .offset = letter.offset.value,
          .events = 1,
          .attempts = letter.attempts,
          .parked = letter.parked,
          .blocks = letter.blocks};
}

std::string to_json(const Row& row) {
  return harmless_json(JsonLine()
                           .add("group", row.group)
                           .add("topic", row.topic)
                           .add("partition", row.partition)
                           .add("offset", row.offset)
                           .add("id", row.id)
                           .add("key", row.key)
                           .raw("blocks_key", row.blocks ? "true" : "false")
                           .add("events", row.events)
                           .add("code", row.code)
                           .add("reason", row.reason)
                           .add("attempts", static_cast<std::uint64_t>(std::max(row.attempts, 0)))
                           .add("parked", to_rfc3339(row.parked))
                           .str()) +
         "\n";
}

std::vector<std::string> to_cells(const Row& row) {
  return {row.group,
          row.topic + "/" + std::to_string(row.partition),
          std::to_string(row.offset),
          printable(row.key),
          std::to_string(row.events),
          printable(row.code),
          to_rfc3339(std::chrono::floor<std::chrono::seconds>(row.parked)),
          printable(row.reason)};
}

/// The parked event with the reasons, and then its data.
std::string to_text(const std::string& group, const std::string& topic, const DeadLetter& letter,
                    const EnvelopeView& shown, const TextForm& form) {
  auto text = group + " parked " + topic + "/" + std::to_string(letter.partition.value) + " offset " +
              std::to_string(letter.offset.value) + " at " +
              to_rfc3339(std::chrono::floor<std::chrono::seconds>(letter.parked)) + ", id " +
              printable(letter.delivery.envelope.id) + "\n  " + printable(letter.code);
  if (letter.attempts > 0)
    text += " after " + std::to_string(letter.attempts) + (letter.attempts == 1 ? " attempt" : " attempts");
  return text + ": " + printable(letter.reason) + "\n  " + form.line(letter.delivery.id, shown);
}

using Visit = std::function<bool(const std::string& group, DeadLetters& letters, const DeadLetterRequest& meant)>;

/// Gives the groups that are meant, each with what is parked of it. The exit status.
int visit_groups(const Common& common, const DeadLetterArguments& arguments, const Visit& visit) {
  if (auto valid = check_names(common, "", arguments.group); !valid) return fail(valid.error());
  auto meant = request_of(arguments);
  if (!meant) return fail(meant.error());
  auto broker = open(common, false);
  if (!broker) return fail(broker.error());
  auto groups = groups_with_letters(**broker, common, arguments.group);
  if (!groups) return fail(groups.error());
  bool fine = true;
  for (const auto& group : *groups) {
    auto letters = DeadLetters::read(**broker, named(common, group));
    if (!letters) {
      complain(letters.error());
      fine = false;
    } else if (!visit(group, *letters, *meant)) {
      return failed;
    }
  }
  return fine ? done : failed;
}

}  // namespace

int list_dead_letters(const Common& common, const DeadLetterArguments& arguments) {
  std::vector<Row> rows;
  DeadLetterCounts sums;
  const auto status = visit_groups(
      common, arguments, [&](const std::string& group, DeadLetters& letters, const DeadLetterRequest& meant) {
        std::map<std::tuple<std::string, std::uint32_t, std::string>, std::size_t> of_key;
        auto listed = letters.for_each(meant, [&](const DeadLetter& letter) {
          const auto topic = unnamed(common, letter.topic);
          const std::tuple key(topic, letter.partition.value, std::string(letter.delivery.envelope.key));
          if (const auto known = of_key.find(key); letter.blocks && known != of_key.end()) {
            ++rows[known->second].events;
            return true;
          }
          if (letter.blocks) of_key.emplace(key, rows.size());
          rows.push_back(row_of(group, topic, letter));
          return true;
        });
        if (!listed) complain(listed.error());
        for (const auto& one : letters.counts())
          sums.parked += one.parked, sums.redriven += one.redriven, sums.dropped += one.dropped;
        return listed.has_value();
      });
  if (status != done && rows.empty()) return status;
  std::string out;
  std::uint64_t events = 0;
  for (const auto& row : rows) events += row.events;
  if (common.json) {
    for (const auto& row : rows) out += to_json(row);
  } else if (!rows.empty()) {
    std::vector<std::vector<std::string>> cells;
    std::ranges::transform(rows, std::back_inserter(cells), to_cells);
    out = table({"group", "partition", ">offset", "key", ">events", "code", "parked", "reason"}, cells) +
          how_many(events, "event") + " parked; of all that ever were " + std::to_string(sums.redriven) +
          " were redriven and " + std::to_string(sums.dropped) + " dropped\n";
  } else {
    complain("nothing is parked" + std::string(says_which(arguments) ? " of what is asked for" : ""));
  }
  const auto printed = print(out);
  return status != done ? status : printed;
}

int show_dead_letters(const Common& given, const DeadLetterArguments& arguments) {
  const auto with = with_showing(given);
  if (!with) return fail(with.error());
  const auto& common = *with;
  std::size_t shown = 0;
  int printed = done;
  const TextForm form;
  const auto status = visit_groups(
      common, arguments, [&](const std::string& group, DeadLetters& letters, const DeadLetterRequest& meant) {
        std::string out;
        const auto flush = [&] {
          printed = print(out);
          out.clear();
          return printed == done;
        };
        auto listed = letters.for_each(meant, [&](const DeadLetter& letter) {
          if (!arguments.id.empty() && letter.delivery.envelope.id != arguments.id) return true;
          ++shown;
          const auto topic = unnamed(common, letter.topic);
          Envelope kept;
          const auto shown_event = common.showing.of(letter.delivery.envelope, kept);
          if (common.json) {
            // Why it is parked stands in its headers; where it failed again since, the newest is told.
            Envelope event(shown_event);
            event.headers.set(dead_letter::code, letter.code);
            event.headers.set(dead_letter::reason, letter.reason);
            event.headers.set(dead_letter::attempts, std::to_string(letter.attempts));
            out += harmless_json(to_cloud_event_json(
                       event.view(), CloudEventPlace{letter.delivery.id.partition, letter.delivery.id.offset})) +
                   "\n";
          } else {
            out += to_text(group, topic, letter, shown_event, form);
          }
          return out.size() < std::size_t{256} << 10 || flush();
        });
        if (!listed) complain(listed.error());
        return flush() && listed.has_value();
      });
  if (status == done && shown == 0) {
    if (!arguments.id.empty()) return fail({"not_parked", "no parked event has the id " + printable(arguments.id)});
    complain("nothing is parked" + std::string(says_which(arguments) ? " of what is asked for" : ""));
  }
  return status != done ? status : printed;
}

}  // namespace tidings::cli
