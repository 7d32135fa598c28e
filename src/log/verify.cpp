#include "tidings/log/verify.hpp"

#include <algorithm>

#include "log/group_check.hpp"
#include "log/segment.hpp"
#include "log/slots.hpp"
#include "log/topic_files.hpp"
#include "log/topic_wake.hpp"

namespace tidings::log {
namespace {

/// The bytes of a topic's segments, as far as they can be told: for the progress only.
std::uint64_t segment_bytes(Directory& topic) {
  std::uint64_t bytes = 0;
  auto numbers = topic.list();
  for (const auto& number : numbers ? *numbers : std::vector<std::string>()) {
    if (!partition_number(number)) continue;
    auto partition = topic.directory(number, Directory::Create::never);
    if (!partition) continue;
    auto names = (*partition)->list();
    for (const auto& name : names ? *names : std::vector<std::string>()) {
      if (!segment_first_offset(name)) continue;
      auto file = (*partition)->file(name, Directory::Create::never, false);
      auto size = file ? (*file)->size() : Result<std::uint64_t>{0};
      bytes += size ? *size : 0;
    }
  }
  return bytes;
}

/// One topic's folder.
class TopicCheck {
 public:
  TopicCheck(Checking& checking, Directory& directory, std::string name)
      : checking_(checking), directory_(directory), name_(std::move(name)) {}

  Result<> run() {
    auto names = directory_.list();
    if (!names) return checking_.failed(names.error(), name_);
    ++checking_.summary.topics;
    if (auto done = meta(); !done) return done;
    bool has_groups = false;
    std::vector<std::uint32_t> numbers;
    for (const auto& name : *names) {
      const auto number = partition_number(name);
      if (number && (count_ == 0 || *number < count_))
        numbers.push_back(*number);
      else if (name == "groups")
        has_groups = true;
      else if (name == "control" || name == "openers.lock")
        small_file(name, name == "control" ? TopicWake::file_bytes : 0);
      else if (name != "topic.meta")
        check_stray(checking_, name_ + "/" + name, name);
    }
    if (!has_groups && count_ != 0)
      checking_.note("no_groups", name_ + "/groups", "missing: no group has a position; it is made anew");
    checking_.tell();
    std::ranges::sort(numbers);
    std::map<std::uint32_t, PartitionSeen> seen;
    for (const auto number : numbers) {
      auto one = PartitionCheck(checking_, directory_, name_, number, durable_).run();
      if (!one) return one.error();
      seen.emplace(number, std::move(*one));
    }
    for (std::uint32_t number = 0; number < count_; ++number) seen.try_emplace(number);  // no event was there yet
    auto done = has_groups ? groups(seen) : Result<>{};
    checking_.tell();
    return done;
  }

 private:
  Result<> meta() {
    const auto file_name = name_ + "/topic.meta";
    auto seen = read_meta(directory_);
    if (!seen && seen.error().code == "not_found") {
      checking_.error("no_topic_meta", file_name, "missing: nobody finds the topic; restore the file from a copy");
      return {};
    }
    if (!seen) return checking_.failed(seen.error(), file_name);
    if (const auto& problem = seen->problem) {
      checking_.findings.add({Severity::error, problem->code, file_name, problem->byte, {}, problem->why});
      return {};
    }
    const auto& meta = seen->meta;
    count_ = meta.partitions;
    durable_ = static_cast<Durability>(meta.durability) == Durability::durable;
    if (seen->size > sizeof meta)
      checking_.note("wrong_size", file_name,
                     "has " + std::to_string(seen->size - sizeof meta) + " bytes behind its end, which nobody reads");
    return {};
  }

  /// Of which only being a file counts.
  void small_file(const std::string& name, std::uint64_t bytes) {
    auto file = directory_.file(name, Directory::Create::never, false);
    if (!file) return checking_.error(file.error().code, name_ + "/" + name, file.error().message);
    auto size = (*file)->size();
    if (size && *size < bytes)
      checking_.note("damaged_hints", name_ + "/" + name, "too short; whoever opens the topic next makes it whole");
  }

  Result<> groups(const std::map<std::uint32_t, PartitionSeen>& seen) {
    auto directory = directory_.directory("groups", Directory::Create::never);
    if (!directory) return checking_.failed(directory.error(), name_ + "/groups");
    auto names = (*directory)->list();
    if (!names) return checking_.failed(names.error(), name_ + "/groups");
    for (const auto& group : *names) {
      if (group.starts_with('~')) {
        check_stray(checking_, name_ + "/groups/" + group, group);
        continue;
      }
      if (auto done = check_group(checking_, directory_, **directory, name_, group, count_, durable_, seen); !done)
        return done;
    }
    return {};
  }

  Checking& checking_;
  Directory& directory_;
  std::string name_;
  std::uint32_t count_ = 0;  // 0: not known
  bool durable_ = true;
};

Result<> check_slots(Checking& checking, Directory& log) {
  auto slots = log.file("slots.lock", Directory::Create::never, false);
  if (!slots) return checking.failed(slots.error(), "slots.lock");
  auto size = (*slots)->size();
  if (!size) return checking.failed(size.error(), "slots.lock");
  if (*size < std::uint64_t{Slots::count} * 9)
    checking.note("damaged_hints", "slots.lock", "too short; whoever opens the log next makes it whole");
  return {};
}

}  // namespace

Result<VerifySummary> verify_log(const std::string& path, const VerifyOptions& options) {
  auto log = options.files->open(path, false);
  if (!log) return log.error();
  Checking checking(options);
  if (auto boot = boot_id()) checking.boot = *boot;
  auto folder = list_log(**log);
  if (!folder) return folder.error();
  const auto& topics = folder->topics;
  if (auto owner = (*log)->foreign_owner(); owner && *owner)
    checking.note("foreign_owner", ".", "belongs to " + **owner + ": what writes to it runs as that user");
  if (folder->has_slots)
    if (auto done = check_slots(checking, **log); !done) return done.error();
  for (const auto& [name, error] : folder->others) {
    if (error)
      checking.error(error->code, name, error->message);
    else
      check_stray(checking, name, name);
  }
  if (options.on_progress)
    for (const auto& [name, topic] : topics) checking.progress.bytes_total += segment_bytes(*topic);
  checking.tell();
  for (const auto& [name, topic] : topics)
    if (auto done = TopicCheck(checking, *topic, name).run(); !done) return done.error();
  if (options.on_progress) {
    checking.progress.bytes = checking.progress.bytes_total;
    checking.progress.events = checking.summary.events;
    (void)options.on_progress(checking.progress);
  }
  return checking.summary;
}

}  // namespace tidings::log
