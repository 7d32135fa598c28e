#include "bus/registry.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "bus/chain.hpp"
#include "bus/lane.hpp"

namespace tidings::bus {
namespace {

Row::Entry entry_of(Slot& slot, const Taken& taken) {
  if (slot.lane()) return {enqueue, slot.lane()->door(taken), &slot};
  return {taken.run, slot.callable(), &slot};
}

std::shared_ptr<const Row> with(const Row& row, const std::shared_ptr<Slot>& slot, const Taken& taken) {
  auto longer = std::make_shared<Row>(row);
  longer->entries.push_back(entry_of(*slot, taken));
  longer->slots.push_back(slot);
  return longer;
}

std::shared_ptr<const Row> without(const std::shared_ptr<const Row>& row, const Slot& slot) {
  if (!row || std::ranges::none_of(row->entries, [&](const auto& entry) { return entry.slot == &slot; })) return row;
  auto shorter = std::make_shared<Row>(*row);
  std::erase_if(shorter->entries, [&](const auto& entry) { return entry.slot == &slot; });
  std::erase_if(shorter->slots, [&](const auto& kept) { return kept.get() == &slot; });
  return shorter;
}

}  // namespace

Error too_deep() {
  return {"too_deep", "handlers publish into one another too deep: do they go round in a circle?"};
}

void wait_for_others(const Slot& slot) {
  heavy_fence();
  auto* const own = &this_publisher();
  auto pause = std::chrono::microseconds{0};
  for_each_level(own, [&](const Publisher::Level& level) {
    while (level.slot.load(mark_load) == &slot) {
      // Handlers are short as a rule: stay near first. A publish pays nothing for this, so nobody wakes us.
      if (pause.count() == 0)
        std::this_thread::yield();
      else
        std::this_thread::sleep_for(pause);
      pause = std::min(pause + pause / 4 + std::chrono::microseconds{1}, std::chrono::microseconds{1000});
    }
  });
}

void release_after_own_frames(const std::shared_ptr<Slot>& slot) {
  auto& own = this_publisher();
  if (own.frames_of(*slot) == 0) return slot->release();
  own.leaving.push_back(slot);
  own.anything_leaves = true;
}

Registry::Registry(const BusOptions& options) : options_(options) {
  auto first = std::make_unique<Snapshot>();
  first->any = std::make_shared<Row>();
  first->settle();
  current_.store(first.release());
}

Registry::~Registry() {
  delete current_.load();
}

void Registry::add(const std::shared_ptr<Slot>& slot) {
  Snapshots unused;  // freed without the lock
  const std::scoped_lock lock(mutex_);
  auto next = std::make_unique<Snapshot>(*current_.load());
  if (slot->middleware() != nullptr) {
    next->middleware.push_back(slot);
  }
  for (const auto& taken : slot->taken()) {
    if (taken.type == nullptr) {
      for (auto& row : next->rows)
        if (row) row = with(*row, slot, taken);
      next->any = with(*next->any, slot, taken);
    } else {
      const auto number = number_of(*taken.type);
      if (number >= next->rows.size()) next->rows.resize(number + 1);
      auto& row = next->rows[number];
      row = with(row ? *row : *next->any, slot, taken);
    }
  }
  slots_.push_back(slot);
  replace(std::move(next), unused);
}

void Registry::remove(const Slot& slot) {
  Snapshots unused;
  std::shared_ptr<Slot> gone;
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find(slots_, &slot, [](const auto& known) { return known.get(); });
  if (found == slots_.end()) return;
  gone = std::move(*found);
  slots_.erase(found);
  auto next = std::make_unique<Snapshot>(*current_.load());
  std::erase_if(next->middleware, [&](const auto& kept) { return kept.get() == &slot; });
  for (auto& row : next->rows) row = without(row, slot);
  next->any = without(next->any, slot);
  replace(std::move(next), unused);
  if (slot.lane()) take_unused(unused);  // a queue is large
}

void Registry::close() {
  for (const auto& slot : slots()) {
    slot->deactivate();
    if (!slot->lane()) continue;
    slot->lane()->stop();
    slot->lane()->discard();
  }
  join_finished(true);
}

void Registry::adopt(std::thread thread, std::shared_ptr<Lane> lane) {
  join_finished(false);
  const std::scoped_lock lock(mutex_);
  leaving_.push_back({std::move(thread), std::move(lane)});
}

void Registry::join_finished(bool all) {
  std::vector<Leaving> finished;
  {
    const std::scoped_lock lock(mutex_);
    std::erase_if(leaving_, [&](Leaving& leaving) {
      if (!all && !leaving.lane->finished()) return false;
      finished.push_back(std::move(leaving));
      return true;
    });
  }
  for (auto& leaving : finished) {
    leaving.thread.join();
    leaving.lane->discard();
  }
}

std::vector<std::shared_ptr<Slot>> Registry::slots() const {
  const std::scoped_lock lock(mutex_);
  return slots_;
}

void Snapshot::settle() {
  runs.clear();
  const auto add = [&](const Row& row) {
    runs.push_back({row.entries.data(), row.entries.data() + row.entries.size()});
  };
  add(*any);  // numbers begin with 1
  for (std::size_t number = 1; number < rows.size(); ++number) add(rows[number] ? *rows[number] : *any);
  run_count = runs.size();
  is_plain = middleware.empty();
}

void Registry::replace(std::unique_ptr<Snapshot> next, Snapshots& unused) {
  next->settle();
  retired_.emplace_back(current_.exchange(next.release()));
  // Looking for marks makes every processor of this process stop for a moment: not for each subscription of a start.
  if (retired_.size() >= 16) take_unused(unused);
}

void Registry::take_unused(Snapshots& unused) {
  heavy_fence();
  std::vector<const void*> marked;
  for_each_level(nullptr, [&](const Publisher::Level& level) {
    if (const auto* list = level.list.load(mark_load); list != nullptr) marked.push_back(list);
  });
  std::erase_if(retired_, [&](auto& snapshot) {
    if (std::ranges::find(marked, static_cast<const void*>(snapshot.get())) != marked.end()) return false;
    unused.push_back(std::move(snapshot));
    return true;
  });
}

namespace {

/// A subscriber without middleware around it; returns how many handlers it called: 0 where it has been ended.
inline std::size_t run_entry(const Row::Entry& entry, Mark& mark, const void* event, Calling& calling,
                             BusResult& result) {
  mark.enter(entry.slot);
  if (entry.slot->ended()) [[unlikely]]
    return 0;
  try {
    entry.run(entry.callable, event, calling);
  } catch (...) {
    result.add_error(error_of_exception());
  }
  return 1;
}

}  // namespace

BusResult Registry::publish(std::uint32_t number, const AnyEvent& event, const EnvelopeView* cause) {
  BusResult result;
  auto& publisher = this_publisher();
  if (publisher.depth == levels_max) [[unlikely]] {
    result.add_error(too_deep());
    return result;
  }
  Mark mark(publisher);
  const auto& snapshot = mark.protect(current_);
  const auto [begin, end] = snapshot.run(number);
  Calling calling(*this, event, cause, result);
  std::size_t calls = 0;
  if (snapshot.is_plain) [[likely]] {
    for (auto* entry = begin; entry != end; ++entry) calls += run_entry(*entry, mark, event.address(), calling, result);
  } else {
    for (auto* entry = begin; entry != end; ++entry) {
      if (entry->slot->lane()) {  // its middleware runs with its handler, on its thread
        calls += run_entry(*entry, mark, event.address(), calling, result);
        mark.enter(nullptr);
        continue;
      }
      Chain chain(snapshot.middleware, publisher, calling, *entry->slot, entry->run, entry->callable, event.address());
      if (auto done = chain.next(); !done) result.add_error(std::move(done.error()));
      calls += chain.handler_called() ? 1 : 0;
    }
  }
  result.add_calls(calls);
  return result;
}

Result<> Registry::run_queued(Slot& slot, Run run, const AnyEvent& event, const BusEnvelope* envelope) {
  auto& publisher = this_publisher();
  Mark mark(publisher);
  const auto& snapshot = mark.protect(current_);
  BusResult result;
  Calling calling(*this, event, nullptr, result);
  if (envelope != nullptr) calling.use(*envelope);
  Chain chain(snapshot.middleware, publisher, calling, slot, run, slot.callable(), event.address());
  return chain.next();
}

}  // namespace tidings::bus
