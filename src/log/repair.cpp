#include <charconv>

#include "log/control_view.hpp"
#include "log/layout.hpp"
#include "log/log_directory.hpp"
#include "log/partition_check.hpp"
#include "tidings/log/verify.hpp"

namespace tidings::log {
namespace {

/// Makes whoever opens the partition next recover it: what `control` says counts no more. Only while nobody else has
/// the partition open, nor can open it.
Result<> void_hints(Directory& topic, std::uint32_t number) {
  const auto path = topic.path() + "/" + std::to_string(number);
  auto openers = topic.file("openers.lock", Directory::Create::if_missing);
  if (!openers) return openers.error();
  auto taken = (*openers)->try_lock({number * openers_max, openers_max});
  if (!taken) return taken.error();
  if (!*taken)
    return Error{"in_use", path + " is open in a process; nothing was done. Stop what uses the log, then try again",
                 Retry::same_call};
  auto partition = topic.directory(std::to_string(number), Directory::Create::never);
  if (!partition) return partition.error();
  auto control = (*partition)->file("control", Directory::Create::never);
  if (!control && control.error().code == "not_found") return {};
  if (!control) return control.error();
  auto size = (*control)->size();
  if (!size) return size.error();
  if (*size < Control::file_bytes) return {};
  // Whatever its version: one that is newer is refused when the partition is opened.
  const std::array<std::byte, sizeof(std::uint32_t)> no{};
  if (auto done = (*control)->write_at(no, offsetof(Control, ready)); !done) return done;
  return {};  // the locks end with the file
}

/// Nothing may be wrong but the tail: behind a damaged frame, what is whole would go with it.
Result<> see_no_damage(Directory& topic, const TopicLog& log, std::uint32_t partition) {
  std::optional<Finding> damage;
  VerifyOptions options;
  options.on_finding = [&](const Finding& finding) {
    if (finding.severity == Severity::error && !damage) damage = finding;
  };
  Checking checking(options);
  if (auto boot = boot_id()) checking.boot = *boot;
  auto seen =
      PartitionCheck(checking, topic, log.name(), partition, log.meta().durability == Durability::durable).run();
  if (!seen) return seen.error();
  checking.tell();
  if (!damage) return {};
  return Error{"corrupt", damage->file + " is damaged, and nothing was done: " + damage->why, Retry::never};
}

}  // namespace

Result<> move_torn_tail(const std::string& path, const std::string& topic, std::uint32_t partition,
                        const RepairOptions& options) {
  // Opened first, so that what is wrong with the log, its file system or the topic is told before anything is done.
  auto there = options.files->open(path, false);
  if (!there) return there.error();
  auto log = LogDirectory::open(
      path, {.create = false, .any_file_system = options.any_file_system, .log = options.log, .files = options.files});
  if (!log) return log.error();
  auto opened = (*log)->find(topic);
  if (!opened) return opened.error();
  if (!*opened) return Error{"unknown_topic", "there is no topic '" + topic + "' in " + path, Retry::never};
  if (partition >= (*opened)->meta().partitions)
    return Error{"unknown_partition",
                 "topic '" + topic + "' has " + std::to_string((*opened)->meta().partitions) + " partitions, and no " +
                     std::to_string(partition),
                 Retry::never};
  auto directory = (*there)->directory(topic, Directory::Create::never);
  if (!directory) return directory.error();
  if (auto good = see_no_damage(**directory, **opened, partition); !good) return good;
  if (auto done = void_hints(**directory, partition); !done) return done;
  auto recovered = (*opened)->partition(partition);
  return recovered ? Result<>{} : recovered.error();
}

}  // namespace tidings::log
