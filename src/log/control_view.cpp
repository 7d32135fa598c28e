#include "log/control_view.hpp"

#include <algorithm>

#include "log/frame.hpp"
#include "log/layout.hpp"
#include "log/locked_ranges.hpp"

namespace tidings::log {

Result<LockedBytes> count_locked(File& file, File::Range range) {
  LockedBytes locked;
  auto done = for_each_lock(file, range, [&](File::Range one) {
    locked.count += one.length;
    locked.longest = std::max(locked.longest, one.length);
  });
  if (!done) return done.error();
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
