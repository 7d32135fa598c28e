#include <algorithm>
#include <cassert>
#include <cstring>
#include <thread>

#include "log/cursor.hpp"
#include "log/layout.hpp"
#include "tidings/base/entropy.hpp"

namespace tidings::log {
namespace {

/// The bytes of a record of the control file that are not atomics are written once, before `ready`.
bool is_current(const Control& control, const std::array<char, 40>& boot) {
  return control.magic == Control::magic_value && control.version == format_version && control.boot_id == boot &&
         control.ready.load(std::memory_order_acquire) == 1;
}

/// How long recovery waits for others that look whether there is anything to recover.
constexpr Duration looks_max = std::chrono::seconds{1};

/// Takes a byte of the partition for life. False: all are held, by a recovery.
Result<bool> try_join(File& openers, std::uint64_t gate, std::uint64_t& byte) {
  for (int attempt = 0; attempt < 16; ++attempt) {
    byte = gate + 1 + system_entropy().below(openers_max - 1);
    auto taken = openers.try_lock({byte, 1});
    if (!taken || *taken) return taken;
  }
  return false;
}

Result<> wait_for(File& file, File::Range range, std::chrono::steady_clock::time_point until, std::string_view why) {
  while (true) {
    auto locked = file.try_lock(range);
    if (!locked) return locked.error();
    if (*locked) return {};
    if (std::chrono::steady_clock::now() >= until) return Error{"busy", std::string(why), Retry::same_call};
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

}  // namespace

PartitionLog::PartitionLog(std::unique_ptr<Directory> directory, Mapping control, std::shared_ptr<Slots> slots,
                           std::shared_ptr<TopicWake> wake, const PartitionSetting& setting)
    : directory_(std::move(directory)),
      control_(std::move(control)),
      slots_(std::move(slots)),
      wake_(std::move(wake)),
      setting_(setting),
      segments_(setting_.segments ? setting_.segments : std::make_shared<SegmentCache>(setting_.background)) {}

PartitionLog::~PartitionLog() {
  if (slots_->is_forked()) return;
  if (setting_.background) setting_.background->forget(this);
  segments_->forget_all(this);
}

Result<std::unique_ptr<PartitionLog>> PartitionLog::open(Directory& topic, std::uint32_t number,
                                                         std::shared_ptr<Slots> slots, std::shared_ptr<TopicWake> wake,
                                                         const PartitionSetting& setting, Duration wait_max) {
  auto partition = open_whole(topic, number, std::move(slots), std::move(wake), setting, wait_max);
  if (!partition || !setting.folders) return partition;
  if (((*partition)->is_folder_kept_ = FolderBudget::take(setting.folders))) return partition;
  if (auto done = (*partition)->let_go_of_folder(topic, number); !done) return done.error();
  return partition;
}

/// Of its descriptors: it was one of many.
Result<> PartitionLog::let_go_of_folder(Directory& topic, std::uint32_t number) {
  auto by_name = FolderByName::of(topic, std::to_string(number), *directory_);
  if (!by_name) return by_name.error();
  directory_ = std::move(*by_name);
  openers_kept_ = locks_of(*openers_, opener_, topic, "openers.lock");
  if (openers_kept_.data() != nullptr) openers_.reset();
  return {};
}

Result<std::unique_ptr<PartitionLog>> PartitionLog::open_whole(Directory& topic, std::uint32_t number,
                                                               std::shared_ptr<Slots> slots,
                                                               std::shared_ptr<TopicWake> wake,
                                                               const PartitionSetting& setting, Duration wait_max) {
  auto directory = topic.directory(std::to_string(number), Directory::Create::if_missing);
  if (!directory) return directory.error();
  auto boot = boot_id();
  if (!boot) return boot.error();
  // It outlives `control`: who has a partition open keeps a byte of it, and nobody recovers under him.
  auto opened = topic.file("openers.lock", Directory::Create::if_missing);
  if (!opened) return opened.error();
  std::unique_ptr<File> openers = std::move(*opened);
  const auto gate = number * openers_max;
  std::uint64_t byte = gate + openers_max - 1;
  const auto begin = std::chrono::steady_clock::now();
  const auto until = begin + std::min<Duration>(wait_max, std::chrono::hours{24});

  // None where the file is not there or short.
  const auto look = [&](bool create) -> Result<std::pair<std::unique_ptr<File>, Mapping>> {
    auto file = (*directory)->file("control", create ? Directory::Create::if_missing : Directory::Create::never);
    if (!file && !create && file.error().code == "not_found") return std::pair<std::unique_ptr<File>, Mapping>{};
    if (!file) return file.error();
    auto size = (*file)->size();
    if (!size) return size.error();
    if (*size < Control::file_bytes && !create) return std::pair<std::unique_ptr<File>, Mapping>{};
    // Also where it is long enough: a copy may lack its blocks.
    if (auto grown = (*file)->allocate(Control::file_bytes); !grown) return grown.error();
    auto mapping = (*file)->map(Control::file_bytes, true);
    if (!mapping) return mapping.error();
    const auto& control = *reinterpret_cast<const Control*>(mapping->data());
    if (control.magic == Control::magic_value && control.version > format_version)
      return Error{"newer_version",
                   (*file)->path() + " has format version " + std::to_string(control.version) + "; run a newer program",
                   Retry::never};
    return std::pair{std::move(*file), std::move(*mapping)};
  };
  const auto number_of_slots = slots->id();
  const auto is_good = [&](const std::pair<std::unique_ptr<File>, Mapping>& seen) {
    const auto* const control = reinterpret_cast<const Control*>(seen.second.data());
    return seen.first != nullptr && is_current(*control, *boot) && control->slots.load() == number_of_slots;
  };
  const auto make = [&](std::pair<std::unique_ptr<File>, Mapping>&& seen) {
    auto partition = std::make_unique<PartitionLog>(std::move(*directory), std::move(seen.second), std::move(slots),
                                                    std::move(wake), setting);
    partition->openers_ = std::move(openers);
    partition->opener_ = byte;
    return partition;
  };

  // Writers that were killed while they waited stay counted, and cost a system call an append: they go with the first
  // who finds that he is alone. Who waits has the partition open.
  const auto forget_dead_waiters = [&](const Mapping& mapping) -> Result<> {
    auto& waiting = reinterpret_cast<Control*>(mapping.data())->writers_waiting;
    if (waiting.load(std::memory_order_relaxed) == 0) return {};
    auto alone = openers->try_lock({gate, openers_max});
    if (!alone) return alone.error();
    if (!*alone) return {};
    waiting.store(0);
    return openers->unlock({gate, openers_max - 1});  // the last byte is kept
  };

  // Nearly always there is nothing to recover, and nobody to wait for.
  auto joined = try_join(*openers, gate, byte);
  if (!joined) return joined.error();
  if (*joined) {
    auto seen = look(false);
    if (!seen) return seen.error();
    if (is_good(*seen)) {
      if (auto done = forget_dead_waiters(seen->second); !done) return done.error();
      return make(std::move(*seen));
    }
    if (auto left = openers->unlock({gate, openers_max}); !left) return left.error();
  }
  // Recovery is for one process at a time; whoever dies in it leaves `ready` unset, and the next begins anew.
  const auto path = (*directory)->path();
  if (auto taken = wait_for(*openers, {gate, 1}, until,
                            path + " is being recovered by another process, which does not end; look whether it is "
                                   "stopped");
      !taken)
    return taken.error();
  {
    auto seen = look(false);
    if (!seen) return seen.error();
    if (is_good(*seen)) {
      joined = try_join(*openers, gate, byte);
      if (!joined) return joined.error();
      if (*joined) {
        if (auto left = openers->unlock({gate, 1}); !left) return left.error();
        return make(std::move(*seen));
      }
    }
  }
  if (auto taken = wait_for(
          *openers, {gate + 1, openers_max - 1}, std::min(until, std::chrono::steady_clock::now() + looks_max),
          path +
              "/control is missing, damaged, of another boot or of another slots.lock, and others have the partition "
              "open, which loses what they write if it is recovered now; stop every process that uses the log, then "
              "start again");
      !taken)
    return taken.error();
  // Before it is grown: short, it says nothing.
  auto short_before = look(false);
  if (!short_before) return short_before.error();
  const bool is_whole = is_good(*short_before);
  auto seen = look(true);
  if (!seen) return seen.error();
  const auto file = std::move(seen->first);
  byte = gate + openers_max - 1;
  auto partition = make(std::move(*seen));
  if (!is_whole) {
    // Whoever made these folders may have died before they were on the device.
    if (auto synced = topic.sync(); !synced) return synced.error();
    if (setting.above != nullptr)
      if (auto synced = setting.above->sync(); !synced) return synced.error();
    if (auto recovered = partition->recover(*file, *boot); !recovered) return recovered.error();
  }
  // The last byte is kept.
  if (auto left = partition->openers_->unlock({gate, openers_max - 1}); !left) return left.error();
  return partition;
}

Result<std::vector<std::uint64_t>> PartitionLog::list_segments() {
  auto names = directory_->list();
  if (!names) return names.error();
  std::vector<std::uint64_t> firsts;
  for (const auto& name : *names)
    if (const auto first = segment_first_offset(name)) firsts.push_back(*first);
  return firsts;
}

/// The first word first: what is behind it counts for nothing then. Not through the mapping of a durable
/// topic's segment, where a full disk would be a SIGBUS.
Result<> PartitionLog::clear(Segment& segment, std::uint64_t begin, std::uint64_t end) {
  if (!setting_.durable) {
    segment.clear(begin, end);
    return {};
  }
  end = std::min(end, segment.size());
  if (begin >= end) return {};
  const std::vector<std::byte> zeros(std::clamp<std::uint64_t>(end - begin, sizeof(std::uint64_t), 1 << 20));
  if (auto done = segment.file().write_at(std::span{zeros}.first(8), begin); !done) return done;
  for (auto at = begin; at < end; at += zeros.size())
    if (auto done =
            segment.file().write_at(std::span{zeros}.first(std::min<std::uint64_t>(zeros.size(), end - at)), at);
        !done)
      return done;
  return {};
}

std::uint64_t PartitionLog::visible_end() const {
  return setting_.durable ? durable() : committed();
}

Result<std::uint64_t> PartitionLog::what_holds(std::uint64_t position, std::uint32_t epoch) {
  const auto end = committed();
  auto earliest = this->earliest();
  if (!earliest) return earliest;
  if (epoch >= this->epoch() || std::min(position, end) <= *earliest) return std::min(position, end);
  Cursor cursor(*this);
  const auto is_later = [&](std::uint64_t offset) -> Result<bool> {
    cursor.seek(offset);
    auto item = cursor.next(end);
    if (!item && item.error().code == "removed") return false;  // just now, and older than what is left
    if (!item) return item.error();
    return *item && (*item)->epoch > epoch;
  };
  // Epochs never go back, so the first event of a later one is found by halves.
  auto low = *earliest;
  auto high = std::min(position, end);
  while (low < high) {
    // Nearly always nothing was taken back: the last one is looked at first.
    const auto middle = high == std::min(position, end) ? high - 1 : low + (high - low) / 2;
    auto later = is_later(middle);
    if (!later) return later.error();
    if (*later)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

}  // namespace tidings::log
