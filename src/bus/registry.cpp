#include "bus/registry.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "bus/chain.hpp"
#include "bus/lane.hpp"

namespace tidings::bus {
namespace {

/// What inlined publishes see of every bus where their fence would have to be a real one: that a publish needs all.
constinit const Snapshot in_full;

Entry entry_of(Slot& slot, const Taken& taken) {
  if (slot.lane()) return {enqueue, slot.lane()->door(taken), &slot};
  return {taken.run, slot.callable(), &slot};
}

std::shared_ptr<const Row> with(const Row& row, const std::shared_ptr<Slot>& slot, const Taken& taken) {
  auto longer = std::make_shared<Row>(row);
  longer->entries.push_back(entry_of(*slot, taken));
  longer->members.push_back({slot, !slot->lane() && !taken.wants_calling});
  return longer;
}

std::shared_ptr<const Row> without(const std::shared_ptr<const Row>& row, const Slot& slot) {
  if (!row || std::ranges::none_of(row->entries, [&](const auto& entry) { return entry.slot == &slot; })) return row;
  auto shorter = std::make_shared<Row>(*row);
  std::erase_if(shorter->entries, [&](const auto& entry) { return entry.slot == &slot; });
  std::erase_if(shorter->members, [&](const auto& member) { return member.slot.get() == &slot; });
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
  for_each_level(own, [&](const Level& marks) {
    while (marks.list.load(mark_load) != nullptr && marks.slot.load(mark_load) == &slot) {
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
  auto* const frame = own.outermost(*slot);
  if (frame == nullptr) return slot->release();
  own.leaving.push_back(slot);
  frame->leaves = true;
}

Registry::Registry(const BusOptions& options) : Front{&in_full}, options_(options) {
  auto first = std::make_unique<Subscribers>();
  first->any_row = std::make_shared<Row>();
  first->settle();
  prepare_fences();
  show(first.release());
}

Registry::~Registry() {
  delete subscribers_.load();
}

const Subscribers* Registry::show(const Subscribers* next) {
  const auto* const before = subscribers_.exchange(next);
  if (light_is_free.load()) current.store(next);  // once it is, it stays so
  return before;
}

void Registry::add(const std::shared_ptr<Slot>& slot) {
  Retired unused;  // freed without the lock
  const std::scoped_lock lock(mutex_);
  auto next = std::make_unique<Subscribers>(*subscribers_.load());
  if (slot->middleware() != nullptr) {
    next->middleware.push_back(slot);
  }
  for (const auto& taken : slot->taken()) {
    if (taken.type == nullptr) {
      for (auto& row : next->rows)
        if (row) row = with(*row, slot, taken);
      next->any_row = with(*next->any_row, slot, taken);
    } else {
      const auto number = number_of(*taken.type);
      if (number >= next->rows.size()) next->rows.resize(number + 1);
      auto& row = next->rows[number];
      row = with(row ? *row : *next->any_row, slot, taken);
    }
  }
  slots_.push_back(slot);
  replace(std::move(next), unused);
}

void Registry::remove(const Slot& slot) {
  Retired unused;
  std::shared_ptr<Slot> gone;
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find(slots_, &slot, [](const auto& known) { return known.get(); });
  if (found == slots_.end()) return;
  gone = std::move(*found);
  slots_.erase(found);
  auto next = std::make_unique<Subscribers>(*subscribers_.load());
  std::erase_if(next->middleware, [&](const auto& kept) { return kept.get() == &slot; });
  for (auto& row : next->rows) row = without(row, slot);
  next->any_row = without(next->any_row, slot);
  replace(std::move(next), unused);
  if (!slot.lane()) return;
  take_unused(unused);  // a queue is large
  ending_.push_back(gone);
}

void Registry::forget(const Lane& lane) {
  std::shared_ptr<Slot> gone;  // destroyed without the lock
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find(ending_, &lane, [](const auto& known) { return known->lane().get(); });
  if (found == ending_.end()) return;
  gone = std::move(*found);
  ending_.erase(found);
}

void Registry::close() {
  current.store(&in_full);  // handlers of queues that publish meanwhile look who has ended
  auto all = slots();
  {
    const std::scoped_lock lock(mutex_);
    all.insert(all.end(), ending_.begin(), ending_.end());
  }
  for (const auto& slot : all) {
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
    forget(*leaving.lane);
  }
}

std::vector<std::shared_ptr<Slot>> Registry::slots() const {
  const std::scoped_lock lock(mutex_);
  return slots_;
}

void Subscribers::settle() {
  row_lists.clear();
  const auto list_of = [&](const Row& row) {
    return List{.begin = row.entries.data(),
                .end = row.entries.data() + row.entries.size(),
                .is_plain = middleware.empty() && std::ranges::all_of(row.members, &Row::Member::is_plain)};
  };
  any = list_of(*any_row);
  row_lists.emplace_back();  // numbers begin with 1
  for (std::size_t number = 1; number < rows.size(); ++number)
    row_lists.push_back(rows[number] ? list_of(*rows[number]) : any);
  lists = row_lists.data();
  count = static_cast<std::uint32_t>(row_lists.size());
}

void Registry::replace(std::unique_ptr<Subscribers> next, Retired& unused) {
  next->settle();
  retired_.emplace_back(show(next.release()));
  // Looking for marks makes every processor of this process stop for a moment: not for each subscription of a start.
  if (retired_.size() >= 16) take_unused(unused);
}

void Registry::take_unused(Retired& unused) {
  heavy_fence();
  std::vector<const void*> marked;
  for_each_level(nullptr, [&](const Level& marks) {
    if (const auto* list = marks.list.load(mark_load); list != nullptr) marked.push_back(list);
  });
  std::erase_if(retired_, [&](auto& snapshot) {
    const Snapshot* const shown = snapshot.get();  // as publishers mark it
    if (std::ranges::find(marked, static_cast<const void*>(shown)) != marked.end()) return false;
    unused.push_back(std::move(snapshot));
    return true;
  });
}

namespace {

/// A subscriber without middleware around it; returns how many handlers it called: 0 where it has been ended.
inline std::size_t run_entry(const Entry& entry, Mark& mark, const void* event, Calling& calling, BusResult& result) {
  mark.enter(entry.slot);
  if (entry.slot->ended()) [[unlikely]]
    return 0;
  try {
    entry.run(entry.callable, event, &calling);
  } catch (...) {
    result.add_error(named(error_of_exception(), *entry.slot));
  }
  return 1;
}

}  // namespace

BusResult Registry::publish(const AnyEvent& event, const EnvelopeView* cause) {
  BusResult result;
  auto* const mine = free_level();
  if (mine == nullptr) [[unlikely]] {
    result.add_error(too_deep());
    return result;
  }
  Mark mark(*mine);
  const auto& subscribers = mark.protect(subscribers_);
  const auto& [begin, end, is_plain] = subscribers.list(number_of(event.event_type()));
  Calling calling(*this, event, cause, result, &result);
  std::size_t calls = 0;
  if (subscribers.middleware.empty()) [[likely]] {
    for (auto* entry = begin; entry != end; ++entry) calls += run_entry(*entry, mark, event.address(), calling, result);
  } else {
    for (auto* entry = begin; entry != end; ++entry) {
      if (entry->slot->lane()) {  // its middleware runs with its handler, on its thread
        calls += run_entry(*entry, mark, event.address(), calling, result);
        mark.enter(nullptr);
        continue;
      }
      Chain chain(subscribers.middleware, calling, *entry->slot, entry->run, entry->callable, event.address());
      if (auto done = chain.next(); !done) result.add_error(named(std::move(done.error()), *entry->slot));
      calls += chain.handler_called() ? 1 : 0;
    }
  }
  result.add_calls(calls);
  return result;
}

BusResult publish_in_full(Front& front, const EventType& type, const void* event) {
  return static_cast<Registry&>(front).publish(AnyEvent(type, event), nullptr);
}

bool has_ended(const Slot& slot) {
  return slot.ended();
}

std::vector<Error>* with_exception(std::vector<Error>* errors) noexcept {
  // Where memory for it lacks the process ends: an error that is lost would be told as success.
  if (errors == nullptr) errors = std::make_unique<std::vector<Error>>().release();
  errors->push_back(named(error_of_exception(), running_slot()));
  return errors;
}

}  // namespace tidings::bus
