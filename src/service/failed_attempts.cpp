#include "service/failed_attempts.hpp"

namespace tidings::service {

FailedAttempts::Place FailedAttempts::place_of(const Task& task) {
  return {task.source, task.delivery.id.partition.value, task.delivery.id.offset.value};
}

void FailedAttempts::add(const Task& task, const Error& why, TimePoint now, std::optional<TimePoint> next) {
  const auto place = place_of(task);
  const std::scoped_lock lock(mutex_);
  auto& [told, order] = entries_[place];
  if (told.failures > 0) order_.erase(order);
  order = next_++;
  order_[order] = place;
  ++told.failures;
  told.next = next;
  if (told.failed.size() == attempts_max) told.failed.erase(told.failed.begin());
  told.failed.push_back({.number = task.attempt(),
                         .time = now,
                         .code = why.code.substr(0, reason_bytes_max),
                         .reason = why.message.substr(0, reason_bytes_max)});
  if (entries_.size() <= events_max) return;
  entries_.erase(order_.begin()->second);
  order_.erase(order_.begin());
}

void FailedAttempts::forget(const Task& task) {
  const std::scoped_lock lock(mutex_);
  const auto at = entries_.find(place_of(task));
  if (at == entries_.end()) return;
  order_.erase(at->second.order);
  entries_.erase(at);
}

AttemptsOfEvent FailedAttempts::of(const Source& source, Partition partition, std::uint64_t offset) const {
  const std::scoped_lock lock(mutex_);
  const auto at = entries_.find({&source, partition.value, offset});
  auto told = at == entries_.end() ? AttemptsOfEvent{} : at->second.told;
  told.offset = offset;
  return told;
}

}  // namespace tidings::service
