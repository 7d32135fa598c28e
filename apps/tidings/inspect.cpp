#include "tidings/log/inspect.hpp"

#include <algorithm>

#include "commands.hpp"
#include "json_line.hpp"
#include "log_folder.hpp"
#include "output.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {
namespace {

namespace log = tidings::log;

std::string truth(bool is) {
  return is ? "true" : "false";
}

std::string to_text(const std::optional<log::ProcessInspection>& process) {
  return process ? "pid " + std::to_string(process->pid) + " " + printable(process->command) : std::string();
}

std::string to_json(const log::ProcessInspection& process) {
  return JsonLine()
      .add("pid", static_cast<std::uint64_t>(process.pid))
      .add("command", printable(process.command))
      .str();
}

std::string to_json(const Error& error) {
  return JsonLine().add("code", error.code).add("message", printable(error.message)).str();
}

std::string to_json(const log::WriterInspection& writer) {
  JsonLine line;
  line.add("slot", writer.slot).add("generation", writer.generation).raw("alive", truth(writer.is_alive));
  if (writer.process) line.raw("process", to_json(*writer.process));
  return line.str();
}

std::string to_json(const log::PartitionInspection& one) {
  std::vector<std::string> processes;
  processes.reserve(one.processes.size());
  for (const auto& process : one.processes) processes.push_back(to_json(process));
  JsonLine line;
  line.add("partition", one.number)
      .add("state", log::to_string(one.state))
      .add("segments", one.segments)
      .add("bytes", one.bytes)
      .add("earliest", one.earliest)
      .add("committed", one.committed)
      .add("durable", one.durable)
      .add("end", one.end)
      .add("epoch", one.epoch)
      .raw("poisoned", truth(one.is_poisoned))
      .raw("died_in_sync", truth(one.died_in_sync))
      .raw("dirty", truth(one.is_dirty))
      .raw("writer", one.writer ? to_json(*one.writer) : "null")
      .add("writers_waiting", one.writers_waiting)
      .add("openers", one.openers)
      .raw("processes", json_array(processes));
  if (one.error) line.raw("error", to_json(*one.error));
  return line.str();
}

std::string to_json(const log::GroupInspection& group) {
  std::vector<std::string> partitions;
  for (const auto& one : group.partitions) {
    JsonLine line;
    line.add("partition", one.number);
    line.raw("position", one.has_position ? std::to_string(one.position) : "null")
        .add("lag", one.lag)
        .add("settled_beyond", one.settled_beyond)
        .add("handled", one.handled)
        .add("parked", one.parked)
        .add("expired", one.expired)
        .add("skipped", one.skipped)
        .add("generation", one.generation)
        .add("epoch", one.epoch)
        .raw("held", truth(one.is_held));
    if (one.holder) line.raw("holder", to_json(*one.holder));
    partitions.push_back(line.str());
  }
  JsonLine line;
  line.add("group", printable(group.name)).add("members", group.members).raw("partitions", json_array(partitions));
  if (group.error) line.raw("error", to_json(*group.error));
  return line.str();
}

std::string to_json(const log::TopicInspection& topic) {
  std::vector<std::string> partitions, groups;
  for (const auto& one : topic.partitions) partitions.push_back(to_json(one));
  for (const auto& one : topic.groups) groups.push_back(to_json(one));
  JsonLine line;
  line.add("topic", printable(topic.name))
      .add("durability", to_string(topic.durability))
      .add("event_bytes_max", topic.event_bytes_max)
      .raw("partitions", json_array(partitions))
      .raw("groups", json_array(groups));
  if (topic.error) line.raw("error", to_json(*topic.error));
  return line.str() + "\n";
}

std::string to_json(const log::LogInspection& inspection) {
  std::string out;
  for (const auto& topic : inspection.topics) out += to_json(topic);
  std::vector<std::string> slots;
  for (const auto& one : inspection.slots) {
    JsonLine line;
    line.add("slot", one.slot);
    if (one.process) line.raw("process", to_json(*one.process));
    slots.push_back(line.str());
  }
  return out + JsonLine().raw("slots", json_array(slots)).str() + "\n";
}

/// What one has to know of a partition beside its numbers.
std::string state_of(const log::PartitionInspection& one) {
  std::string state;
  const auto add = [&](const std::string& text) { state += (state.empty() ? "" : ", ") + text; };
  using State = log::PartitionState;
  if (one.error) add(one.error->code);
  if (one.is_poisoned) add(one.died_in_sync ? "a process died in a sync" : "POISONED");
  if (one.state == State::unused) add("not used yet");
  if (one.state == State::to_recover) add("to be recovered");
  if (one.state == State::recovering) add("being recovered");
  if (one.state == State::newer) add("of a newer version");
  if (one.writer)
    add("slot " + std::to_string(one.writer->slot) + " writes" +
        (!one.writer->is_alive ? ": it is dead"
         : one.writer->process ? ": " + to_text(one.writer->process)
                               : ": it is alive"));
  else if (one.is_dirty)
    add("an append failed");
  if (one.writers_waiting > 0) add("up to " + std::to_string(one.writers_waiting) + " wait to write");
  return state.empty() ? "ok" : state;
}

std::string to_text(const log::TopicInspection& topic) {
  auto out = printable(topic.name) + ": " + std::string(to_string(topic.durability)) + ", " +
             std::to_string(topic.partitions.size()) + (topic.partitions.size() == 1 ? " partition" : " partitions") +
             "\n";
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : topic.partitions) {
    const bool is_current = one.state == log::PartitionState::current;
    rows.push_back({std::to_string(one.number), std::to_string(one.segments), std::to_string(one.bytes),
                    std::to_string(one.earliest), std::to_string(one.committed),
                    is_current ? std::to_string(one.durable) : "?", std::to_string(one.end), std::to_string(one.epoch),
                    std::to_string(one.openers), state_of(one)});
  }
  if (!rows.empty())
    out += table({">partition", ">segments", ">bytes", ">earliest", ">committed", ">durable", ">end", ">epoch", ">open",
                  "state"},
                 rows);
  rows.clear();
  for (const auto& group : topic.groups)
    for (const auto& one : group.partitions)
      rows.push_back({printable(group.name), std::to_string(group.members), std::to_string(one.number),
                      one.has_position ? std::to_string(one.position) : "none", std::to_string(one.lag),
                      std::to_string(one.settled_beyond), std::to_string(one.handled), std::to_string(one.parked),
                      std::to_string(one.skipped),
                      !one.is_held ? "no"
                      : one.holder ? to_text(one.holder)
                                   : "yes"});
  if (!rows.empty())
    out += "\n" + table({"group", ">members", ">partition", ">position", ">lag", ">beyond", ">handled", ">parked",
                         ">skipped", "held"},
                        rows);
  return out;
}

std::string to_text(const log::LogInspection& inspection) {
  std::string out;
  for (const auto& topic : inspection.topics)
    if (!topic.error) out += (out.empty() ? "" : "\n") + to_text(topic);
  if (!out.empty()) out += "\n";
  if (inspection.slots.empty()) return out + "no process has the log open\n";
  std::vector<std::vector<std::string>> rows;
  rows.reserve(inspection.slots.size());
  for (const auto& one : inspection.slots)
    rows.push_back({std::to_string(one.slot), one.process ? std::to_string(one.process->pid) : "?",
                    one.process ? printable(one.process->command) : "of another user or container"});
  return out + table({">slot", ">pid", "process"}, rows);
}

/// Tells what could not be looked at; returns whether there was any.
bool tell_errors(const log::LogInspection& inspection) {
  bool any = false;
  const auto tell = [&](const std::optional<Error>& error) {
    if (!error) return;
    complain(*error);
    any = true;
  };
  for (const auto& topic : inspection.topics) {
    tell(topic.error);
    for (const auto& one : topic.partitions) tell(one.error);
    for (const auto& one : topic.groups) tell(one.error);
  }
  return any;
}

}  // namespace

int inspect(const Common& common, const InspectArguments& arguments) {
  auto path = log_folder(common, arguments.folder);
  if (!path) return fail(path.error());
  auto inspection = log::inspect_log(*path);
  if (!inspection) return fail(why_no_log(inspection.error(), *path));
  const bool any = tell_errors(*inspection);
  const auto printed = print(common.json ? to_json(*inspection) : to_text(*inspection));
  return any ? failed : printed;
}

}  // namespace tidings::cli
