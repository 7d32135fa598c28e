#include "log/syncs.hpp"

#include <chrono>
#include <thread>

namespace tidings::log {

Result<SyncMark> SyncMark::set(Control& control, const Slots& slots, std::uint64_t segment, SteadyTime until) {
  for (std::size_t round = 0;; ++round) {
    for (auto& place : control.syncs) {
      std::uint64_t nobody = 0;
      if (place.word.load(std::memory_order_relaxed) == 0 && place.word.compare_exchange_strong(nobody, slots.word())) {
        place.segment.store(segment);
        // The file was opened before. Where one is replaced just now it may be the fresh one.
        place.faults.store((control.faults.load() + 1) & ~1U);
        return SyncMark(place);
      }
    }
    // A few who died in theirs would else keep out all others for ever.
    if (const auto word = control.syncs[round % std::size(control.syncs)].word.load(); word != 0) {
      auto dead = slots.is_dead(word);
      if (!dead) return dead.error();
      if (*dead) return Error{"poisoned", "a process died while it synced", Retry::same_call};
    }
    if (std::chrono::steady_clock::now() >= until)
      return Error{"busy", "others have been syncing all the while; try again, or look whether they are stopped",
                   Retry::same_call};
    std::this_thread::sleep_for(std::chrono::microseconds{100});
  }
}

SyncMark::~SyncMark() {
  if (place_ == nullptr) return;
  place_->ended.fetch_add(1);  // first: one process may have the place twice in a row
  place_->word.store(0);
}

std::vector<SeenSync> syncs_under_way(const Control& control) {
  std::vector<SeenSync> seen;
  for (std::size_t place = 0; place < std::size(control.syncs); ++place) {
    // In this order: a younger one then seems to be the older one at most, which is over.
    const auto& one = control.syncs[place];
    const auto ended = one.ended.load();
    if (const auto word = one.word.load(); word != 0)
      seen.push_back({.place = place,
                      .word = word,
                      .ended = ended,
                      .segment = one.segment.load(),
                      .faults = static_cast<std::uint32_t>(one.faults.load()),
                      .since = std::chrono::steady_clock::now()});
  }
  return seen;
}

bool is_under_way(const Control& control, const SeenSync& seen) {
  const auto& place = control.syncs[seen.place];
  return place.word.load() == seen.word && place.ended.load() == seen.ended;
}

bool is_harmless(const Control& control, const SeenSync& dead, std::uint64_t segment) {
  const auto& place = control.syncs[dead.place];
  const auto of = place.segment.load();
  return of == segment || of < control.unsynced.load() ||
         is_of_before(static_cast<std::uint32_t>(place.faults.load()), control.faults.load());
}

void end_sync(Control& control, const SeenSync& seen) {
  auto word = seen.word;  // names one process for ever: nobody else's is taken out
  control.syncs[seen.place].word.compare_exchange_strong(word, 0);
}

}  // namespace tidings::log
