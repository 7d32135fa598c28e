#include <optional>

#include "brokers/log/log_broker.hpp"
#include "tidings/base/entropy.hpp"
#include "tidings/base/text.hpp"
#include "tidings/broker/routing.hpp"

// Moving a group by hand.
namespace tidings::brokers::log {
namespace {

Result<> move(TopicLog& topic, GroupFile& file, std::uint32_t number, const Start& to) {
  auto partition = topic.partition(number);
  if (!partition) return partition.error();
  auto position = resolve(**partition, number, to);
  if (!position) return position.error();
  auto record = file.read(number);
  const bool is_damaged = !record && record.error().code == "corrupt";
  if (!record && !is_damaged) return record.error();
  const auto known = is_damaged ? std::nullopt : *record;
  auto next = known.value_or(GroupRecord{});
  // What is passed over counts as skipped; what is taken back counts again when it is handled again.
  if (known && *position > next.position) next.skipped += *position - next.position;
  next.position = *position;
  // How often it was moved before, nobody knows: attempts from then are to count no more.
  next.moves = is_damaged ? static_cast<std::uint32_t>(tidings::system_entropy().next()) : next.moves + 1;
  next.epoch = (*partition)->epoch();
  next.settled_beyond = 0;
  ++next.generation;
  for (int slots = is_damaged ? 2 : 1; slots > 0; --slots) {
    ++next.sequence;
    if (auto written = file.write(number, next); !written) return written;
  }
  return {};
}

}  // namespace

Result<> LogBroker::seek(std::string_view name, std::string_view group, const Start& to) {
  if (auto valid = validate_name("group", group); !valid) return valid;
  auto topic = existing(name);
  if (!topic) return topic.error();
  auto file = (*topic)->group_to_move(std::string(group));
  if (!file) return busy_if_gone(file.error());
  const auto active = [&] { return group_active(name, group, "seek again"); };
  // All partitions are held first: a member that joins now waits until all positions are written.
  const auto partitions = (*topic)->meta().partitions;
  for (std::uint32_t number = 0; number < partitions; ++number) {
    auto mine = file->try_hold(number);
    if (!mine) return mine.error();
    if (!*mine) return active();  // the file closes, and with it go the holds
  }
  auto named = file->is_named();
  if (!named) return named.error();
  if (!*named)
    return Error{"busy", "group " + std::string(group) + " was deleted just now; seek it again", Retry::same_call};
  auto members = file->has_members();
  if (!members) return members.error();
  if (*members) return active();
  if (auto begun = file->begin_mending(); !begun) return begun;
  Result<> refused;  // of a damaged partition: the others are moved all the same
  for (std::uint32_t number = 0; number < partitions; ++number) {
    auto moved = move(**topic, *file, number, to);
    if (!moved && !is_damage(moved.error())) return moved;
    if (!moved && refused) refused = moved;
  }
  if (refused)
    if (auto ended = file->end_mending(); !ended) return ended;
  if (auto synced = file->sync(); !synced) return synced;
  return refused;
}

}  // namespace tidings::brokers::log
