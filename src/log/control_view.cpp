#include "log/control_view.hpp"

#include <algorithm>
#include <vector>

#include "log/frame.hpp"
#include "log/layout.hpp"

namespace tidings::log {

Result<LockedBytes> count_locked(File& file, File::Range range) {
  LockedBytes locked;
  // The kernel tells one lock within a range, in no order: what lies on both sides of it is looked at too.
  std::vector<File::Range> unseen{range};
  while (!unseen.empty()) {
    const auto look = unseen.back();
    unseen.pop_back();
    if (look.length == 0) continue;
    auto held = file.held_by_others(look);
    if (!held) return held.error();
    if (!*held) continue;
    const auto begin = std::max((*held)->begin, look.begin);
    // A length of 0 reaches to the end of all files.
    const auto end = (*held)->length == 0 ? look.begin + look.length
                                          : std::min((*held)->begin + (*held)->length, look.begin + look.length);
    locked.count += end - begin;
    locked.longest = std::max(locked.longest, end - begin);
    unseen.push_back({look.begin, begin - look.begin});
    unseen.push_back({end, look.begin + look.length - end});
  }
  return locked;
}

Result<ControlView> look_at_control(Directory& topic, Directory& partition, std::uint32_t number,
                                    const std::optional<std::array<char, 40>>& boot) {
  ControlView view;
  auto openers = topic.file("openers.lock", Directory::Create::never, false);
  if (!openers && openers.error().code != "not_found") return openers.error();
  if (openers) {
    auto locked = count_locked(**openers, {number * openers_max, openers_max});
    if (!locked) return locked.error();
    view.is_recovering = locked->longest > 1;
    view.openers = view.is_recovering ? 1 : locked->count;
  }
  auto file = partition.file("control", Directory::Create::never, false);
  if (!file && file.error().code == "not_found") return view;
  if (!file) return file.error();
  alignas(Control) std::array<std::byte, Control::file_bytes> bytes{};
  auto got = (*file)->read_at(bytes, 0);
  if (!got) return got.error();
  const auto& control = *reinterpret_cast<const Control*>(bytes.data());
  view.state = ControlView::State::damaged;
  if (*got < bytes.size() || control.magic != Control::magic_value) return view;
  view.version = control.version;
  view.state = ControlView::State::newer;
  if (control.version > format_version) return view;
  view.writer = control.writer.load();
  view.writers_waiting = control.writers_waiting.load();
  view.epoch = control.epoch.load();
  view.committed = control.committed.load();
  view.segment = control.segment.load();
  view.position = control.position.load();
  view.dirty_end = control.dirty_end.load();
  view.last_time = control.last_time.load();
  view.durable = control.durable.load();
  view.earliest = control.earliest.load();
  view.poisoned = control.faults.load() % 2 == 1;
  const bool is_of_now = boot ? control.boot_id == *boot : view.openers > 0;
  view.state = is_of_now && control.ready.load() == 1 && !view.is_recovering ? ControlView::State::current
                                                                             : ControlView::State::of_before;
  return view;
}

}  // namespace tidings::log
