#include "tidings/base/producer_table.hpp"

#include <algorithm>
#include <limits>

namespace tidings {

ProducerTable::Judgement ProducerTable::judge(std::uint64_t id, std::uint32_t epoch,
                                              std::span<const std::uint64_t> sequences) const {
  Judgement judgement;
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return judgement;
  const auto& last = *found->second;
  if (epoch < last.epoch) {
    judgement.fenced_by = last.epoch;
    return judgement;
  }
  for (const auto sequence : sequences) {
    if (sequence > last.sequence) break;
    const auto back = last.sequence - sequence;
    judgement.duplicates.push_back(back <= last.run ? Place{last.offset - back, true}
                                                    : Place{last.offset - last.run, false});
  }
  if (!judgement.duplicates.empty()) judgement.end = last.offset + 1;
  return judgement;
}

void ProducerTable::note(std::uint64_t id, std::uint32_t epoch, std::uint64_t sequence, std::uint64_t offset,
                         std::int64_t time) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) {
    if (entries_.size() == producers_max) {
      by_id_.erase(entries_.front().id);
      entries_.pop_front();
    }
    entries_.push_back({.id = id, .sequence = sequence, .offset = offset, .time = time, .epoch = epoch, .run = 0});
    by_id_.emplace(id, std::prev(entries_.end()));
    return;
  }
  auto& last = *found->second;
  const bool follows = sequence == last.sequence + 1 && offset == last.offset + 1;
  last.run = follows ? std::min(last.run, std::numeric_limits<std::uint32_t>::max() - 1) + 1 : 0;
  last.epoch = std::max(last.epoch, epoch);
  last.sequence = sequence;
  last.offset = offset;
  last.time = time;
  entries_.splice(entries_.end(), entries_, found->second);
}

void ProducerTable::forget_before(std::int64_t time) {
  // Append times never go back, so those go in the order of offsets too.
  while (!entries_.empty() && entries_.front().time < time) {
    by_id_.erase(entries_.front().id);
    entries_.pop_front();
  }
}

void ProducerTable::clear() {
  entries_.clear();
  by_id_.clear();
}

bool ProducerTable::restore(std::span<const Entry> entries) {
  clear();
  for (const auto& entry : entries) {
    const bool fits =
        entries_.size() < producers_max && entry.id != 0 && entry.run <= entry.offset && entry.run <= entry.sequence &&
        (entries_.empty() || (entries_.back().offset < entry.offset && entries_.back().time <= entry.time));
    if (!fits || by_id_.contains(entry.id)) {
      clear();
      return false;
    }
    entries_.push_back(entry);
    by_id_.emplace(entry.id, std::prev(entries_.end()));
  }
  return true;
}

}  // namespace tidings
