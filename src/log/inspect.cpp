#include "tidings/log/inspect.hpp"

#include <algorithm>

#include "log/control_view.hpp"
#include "log/lock_holders.hpp"
#include "log/segment.hpp"
#include "log/segment_check.hpp"
#include "log/syncs.hpp"
#include "log/topic_files.hpp"

namespace tidings::log {
namespace {

/// Where the whole events end, by the last segments alone: as recovery would find, though it looks closer.
std::uint64_t end_of(Directory& partition, const std::vector<std::uint64_t>& firsts) {
  VerifyOptions options;
  Checking checking(options);
  SegmentCheck::Epochs epochs;
  SegmentCheck::Place place;
  for (auto index = firsts.size() - std::min<std::size_t>(firsts.size(), 3); index < firsts.size(); ++index) {
    auto file = partition.file(segment_name(firsts[index]), Directory::Create::never, false);
    if (!file) return place.offset;
    SegmentCheck check(checking, std::move(*file), "", epochs);
    auto whole = check.read_header(firsts[index]);
    if (!whole || !*whole) return place.offset;
    place.offset = firsts[index];
    check.begin(place);
    auto stop = check.walk(~std::uint64_t{0});
    place.offset = check.end_offset();
    if (!stop || *stop != SegmentCheck::Stop::seal) return place.offset;
  }
  return place.offset;
}

/// Looks at one log.
class Inspector {
 public:
  explicit Inspector(Directory& log) : log_(log) {
    if (auto boot = boot_id()) boot_ = *boot;
    auto slots = log_.file("slots.lock", Directory::Create::never, false);
    if (!slots) return;
    auto id = (*slots)->id();
    if (!id) return;
    slots_ = std::move(*slots);
    slots_id_ = *id;
  }

  std::vector<SlotInspection> slots() const {
    std::vector<SlotInspection> all;
    for (std::uint32_t slot = 0; slots_ && slot < Slots::count; ++slot) {
      auto held = slots_->held_by_others({slot, 1});
      if (held && *held) all.push_back({slot, holders_.holder(slots_id_, {slot, 1})});
    }
    return all;
  }

  TopicInspection topic(const std::string& name, Directory& directory) const {
    TopicInspection topic;
    topic.name = name;
    auto seen = read_meta(directory);
    if (!seen || seen->problem) {
      topic.error = seen ? seen->error(directory) : seen.error();
      return topic;
    }
    const auto& meta = seen->meta;
    topic.durability = static_cast<Durability>(meta.durability);
    topic.event_bytes_max = meta.event_bytes_max;
    for (std::uint32_t number = 0; number < meta.partitions; ++number)
      topic.partitions.push_back(partition(directory, number, topic.durability == Durability::durable));
    auto groups = directory.directory("groups", Directory::Create::never);
    if (!groups) {
      topic.error = groups.error();
      return topic;
    }
    auto names = (*groups)->list();
    if (!names) {
      topic.error = names.error();
      return topic;
    }
    for (const auto& group : *names)
      if (!group.starts_with('~')) topic.groups.push_back(this->group(**groups, group, topic));
    return topic;
  }

 private:
  PartitionInspection partition(Directory& topic, std::uint32_t number, bool durable) const {
    PartitionInspection seen;
    seen.number = number;
    auto done = look(topic, seen, durable);
    if (!done) seen.error = done.error();
    return seen;
  }

  Result<> look(Directory& topic, PartitionInspection& seen, bool durable) const {
    auto directory = topic.directory(std::to_string(seen.number), Directory::Create::never);
    if (!directory && directory.error().code == "not_found") return {};
    if (!directory) return directory.error();
    auto view = look_at_control(topic, **directory, seen.number, boot_);
    if (!view) return view.error();
    auto names = (*directory)->list();
    if (!names) return names.error();
    std::vector<std::uint64_t> firsts;
    for (const auto& name : *names)
      if (const auto first = segment_first_offset(name)) firsts.push_back(*first);
    seen.segments = firsts.size();
    if (!firsts.empty()) seen.earliest = firsts.front();
    if (!view->is_current() && view->state != ControlView::State::newer) seen.committed = end_of(**directory, firsts);
    seen.state = state_of(*view, firsts.empty());
    seen.openers = view->openers;
    seen.epoch = view->epoch;
    if (view->is_current()) {
      seen.committed = view->committed;
      seen.durable = view->durable;
      seen.is_poisoned = view->poisoned;
      seen.died_in_sync = view->poisoned && died_in_sync(**directory);
      seen.is_dirty = view->dirty_end != 0;
      if (view->writer != 0) seen.writer = writer(view->writer);
      if (seen.writer && seen.writer->is_alive) seen.writers_waiting = view->writers_waiting;
      if (firsts.empty()) seen.earliest = seen.committed;
    }
    seen.end = view->is_current() && durable ? seen.durable : seen.committed;
    if (auto openers = topic.file("openers.lock", Directory::Create::never, false))
      if (auto id = (*openers)->id()) seen.processes = holders_.holders(*id, {seen.number * openers_max, openers_max});
    for (const auto first : firsts) {
      auto file = (*directory)->file(segment_name(first), Directory::Create::never, false);
      if (!file) return file.error();
      auto size = (*file)->size();
      if (!size) return size.error();
      seen.bytes += *size;
    }
    return {};
  }

  static PartitionState state_of(const ControlView& view, bool is_empty) {
    if (view.is_recovering) return PartitionState::recovering;
    switch (view.state) {
      case ControlView::State::current:
        return PartitionState::current;
      case ControlView::State::newer:
        return PartitionState::newer;
      case ControlView::State::missing:
        if (is_empty) return PartitionState::unused;
        break;
      case ControlView::State::damaged:
      case ControlView::State::of_before:
        break;
    }
    return PartitionState::to_recover;
  }

  /// Whether somebody died in a sync, so that nobody knows whether it would have failed.
  bool died_in_sync(Directory& partition) const {
    auto file = partition.file("control", Directory::Create::never, false);
    alignas(Control) std::array<std::byte, Control::file_bytes> bytes{};
    auto got = file ? (*file)->read_at(bytes, 0) : Result<std::size_t>{file.error()};
    if (!got || *got < bytes.size()) return false;
    const auto& control = *reinterpret_cast<const Control*>(bytes.data());
    return std::ranges::any_of(control.syncs, [&](const auto& sync) {
      const auto word = sync.word.load();
      const bool is_past = is_of_before(static_cast<std::uint32_t>(sync.faults.load()), control.faults.load());
      return word != 0 && !is_past && !is_alive(word);
    });
  }

  /// As a writer that waits finds out whether the holder lives.
  bool is_alive(std::uint64_t word) const {
    const auto slot = static_cast<std::uint32_t>(word & 0xffff) - 1;
    if (!slots_ || slot >= Slots::count) return false;
    std::uint64_t generation = 0;
    auto got = slots_->read_at(std::as_writable_bytes(std::span{&generation, 1}),
                               Slots::count + std::uint64_t{slot} * sizeof generation);
    auto held = slots_->held_by_others({slot, 1});
    return got && *got == sizeof generation && (generation & 0xffffffffffffU) == word >> 16 && held &&
           held->has_value();
  }

  WriterInspection writer(std::uint64_t word) const {
    WriterInspection writer;
    writer.slot = static_cast<std::uint32_t>(word & 0xffff) - 1;
    writer.generation = word >> 16;
    writer.is_alive = is_alive(word);
    if (writer.is_alive) writer.process = holders_.holder(slots_id_, {writer.slot, 1});
    return writer;
  }

  GroupInspection group(Directory& groups, const std::string& name, const TopicInspection& topic) const {
    GroupInspection seen;
    seen.name = name;
    auto done = look(groups, seen, topic);
    if (!done) seen.error = done.error();
    return seen;
  }

  Result<> look(Directory& groups, GroupInspection& seen, const TopicInspection& topic) const {
    auto opened = GroupFile::open_to_read(groups, seen.name, static_cast<std::uint32_t>(topic.partitions.size()));
    if (!opened) return opened.error();
    auto file = groups.file(seen.name, Directory::Create::never, false);
    if (!file) return file.error();
    auto id = (*file)->id();
    if (!id) return id.error();
    auto members = count_locked(**file, {members_begin, GroupFile::members_max});
    if (!members) return members.error();
    seen.members = members->count;
    for (const auto& partition : topic.partitions) {
      auto record = opened->read(partition.number);
      if (!record) return record.error();
      const File::Range byte{holders_begin + partition.number, 1};
      auto held = (*file)->held_by_others(byte);
      if (!held) return held.error();
      GroupPartitionInspection one;
      one.number = partition.number;
      one.is_held = held->has_value();
      if (one.is_held) one.holder = holders_.holder(*id, byte);
      if (*record) {
        one.has_position = true;
        one.position = (*record)->position;
        one.settled_beyond = (*record)->settled_beyond;
        one.handled = (*record)->handled;
        one.parked = (*record)->parked;
        one.expired = (*record)->expired;
        one.skipped = (*record)->skipped;
        one.generation = (*record)->generation;
        one.epoch = (*record)->epoch;
      }
      const auto from = std::max(one.position, partition.earliest);
      one.lag = partition.end > from ? partition.end - from : 0;
      seen.partitions.push_back(one);
    }
    return {};
  }

  Directory& log_;
  std::optional<std::array<char, 40>> boot_;
  std::unique_ptr<File> slots_;
  FileId slots_id_;
  LockHolders holders_;
};

}  // namespace

std::string_view to_string(PartitionState state) {
  switch (state) {
    case PartitionState::unused:
      return "unused";
    case PartitionState::current:
      return "current";
    case PartitionState::to_recover:
      return "to_recover";
    case PartitionState::recovering:
      return "recovering";
    case PartitionState::newer:
      break;
  }
  return "newer";
}

Result<LogInspection> inspect_log(const std::string& path, FileSystem& files) {
  auto log = files.open(path, false);
  if (!log) return log.error();
  auto folder = list_log(**log);
  if (!folder) return folder.error();
  const Inspector inspector(**log);
  LogInspection inspection;
  inspection.slots = inspector.slots();
  for (const auto& [name, directory] : folder->topics) inspection.topics.push_back(inspector.topic(name, *directory));
  return inspection;
}

}  // namespace tidings::log
