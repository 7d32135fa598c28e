#include "service/lanes.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

#include "service/source.hpp"

namespace tidings::service {

namespace {

/// One that may be handled together with its neighbours.
bool is_fresh(const Task& task) {
  return task.stage == Task::Stage::handle && !task.alone;
}

}  // namespace

Lanes::Lanes(std::size_t expected_max, std::size_t turn_max, Duration gather, bool mixes)
    : expected_max_(expected_max),
      turn_max_(turn_max),
      gather_(gather),
      mixes_(mixes),
      table_(std::bit_ceil(std::clamp<std::size_t>(expected_max, 16, 1 << 16))) {}

Task& Lanes::make() {
  if (free_tasks_ == nullptr) return tasks_.emplace_back();
  auto& task = *free_tasks_;
  free_tasks_ = task.next;
  task.next = nullptr;
  return task;
}

void Lanes::recycle(Task& task) {
  task.reset();
  task.source = nullptr;
  task.next = free_tasks_;
  free_tasks_ = &task;
}

void Lanes::add(Task& task) {
  auto& key = key_of(task);
  task.next = nullptr;
  (key.first == nullptr ? key.first : key.last->next) = &task;
  key.last = &task;
  ++key.size;
  if (!key.in_hand)
    line_up(key);
  else if (key.gathers && key.size >= turn_max_)
    end_gathering(key);
}

std::size_t Lanes::next_size(SteadyTime now) {
  while (line_first_ != nullptr && gathers_on(*line_first_, now)) gather(leave_line());
  if (line_first_ == nullptr) return 0;
  const auto* task = line_first_->first;
  if (task->together > 1) return task->together;
  if (!is_fresh(*task)) return 1;
  std::size_t size = 1;
  for (; size < turn_max_ && task->next != nullptr && is_fresh(*task->next); ++size) task = task->next;
  return size;
}

std::optional<Lanes::Turn> Lanes::take(std::size_t most, SteadyTime now) {
  while (line_first_ != nullptr) {
    auto& key = leave_line();
    if (!gathers_on(key, now)) {
      const auto limit = std::min(turn_max_, std::max<std::size_t>(most, 1));
      auto turn = turn_of(key, limit);
      if (mixes_) mix(turn, limit);
      return turn;
    }
    gather(key);
  }
  return std::nullopt;
}

/// Others that stand in line and may be handled together with the turn's.
void Lanes::mix(Turn& turn, std::size_t most) {
  const auto fits = [&](const Task& task) { return task.keyed && is_fresh(task) && task.source == turn.first->source; };
  if (!fits(*turn.first)) return;
  auto* last = turn.first;
  while (last->next != nullptr) last = last->next;
  auto* last_key = turn.key;
  Key* before = nullptr;
  for (auto* key = line_first_; key != nullptr && turn.size < most;) {
    auto* const after = key->next;
    if (!fits(*key->first)) {
      before = key;
      key = after;
      continue;
    }
    (before == nullptr ? line_first_ : before->next) = after;
    if (line_last_ == key) line_last_ = before;
    --ready_;
    const auto other = turn_of(*key, most - turn.size);
    last->next = other.first;
    while (last->next != nullptr) last = last->next;
    turn.size += other.size;
    last_key = last_key->next = key;
    key = after;
  }
}

/// Whether more of the key is waited for. What is done with but not settled holds no more up than a moment.
bool Lanes::gathers_on(const Key& key, SteadyTime now) const {
  const auto& first = *key.first;
  return gather_ > Duration::zero() && key.size < turn_max_ && is_fresh(first) && now - first.arrived < gather_ &&
         first.source->held - std::min(first.source->held, first.source->unsettled()) < expected_max_;
}

Lanes::Key& Lanes::leave_line() {
  auto& key = *line_first_;
  line_first_ = key.next;
  if (line_first_ == nullptr) line_last_ = nullptr;
  --ready_;
  return key;
}

void Lanes::gather(Key& key) {
  key.gathers = true;
  wait(key, key.first->arrived + gather_);
}

Lanes::Turn Lanes::turn_of(Key& key, std::size_t most) const {
  Turn turn;
  key.next = nullptr;
  turn.key = &key;
  turn.first = key.first;
  turn.size = 1;
  auto* last = key.first;
  if (turn.first->together > 1) {
    for (; turn.size < turn.first->together; ++turn.size) last = last->next;
  } else if (is_fresh(*turn.first)) {
    const auto goes_along = [&](const Task& task) {
      return is_fresh(task) && (!mixes_ || task.source == turn.first->source);
    };
    for (; turn.size < most && last->next != nullptr && goes_along(*last->next); ++turn.size) last = last->next;
  }
  key.size -= turn.size;
  key.first = last->next;
  if (key.first == nullptr) key.last = nullptr;
  last->next = nullptr;
  return turn;
}

void Lanes::give_back(const Turn& turn, std::optional<SteadyTime> due) {
  if (turn.key->next == nullptr) return give_back_one(*turn.key, turn.first, due);
  for (auto* task = turn.first; task != nullptr;) {
    auto* const next = std::exchange(task->next, nullptr);
    auto& key = key_of(*task);
    (key.back_first == nullptr ? key.back_first : key.back_last->next) = task;
    key.back_last = task;
    task = next;
  }
  for (auto* key = turn.key; key != nullptr;) {
    auto* const next = key->next;
    key->back_last = nullptr;
    give_back_one(*key, std::exchange(key->back_first, nullptr), due);
    key = next;
  }
}

void Lanes::give_back_one(Key& key, Task* first, std::optional<SteadyTime> due) {
  if (first != nullptr) {
    auto* last = first;
    for (++key.size; last->next != nullptr; ++key.size) last = last->next;
    last->next = key.first;
    if (key.first == nullptr) key.last = last;
    key.first = first;
  }
  if (key.first == nullptr) return release(key);
  if (!due) return line_up(key);
  wait(key, *due);
}

void Lanes::wait(Key& key, SteadyTime due) {
  key.due = due;
  waiting_.push_back(&key);
  std::ranges::push_heap(waiting_, std::greater{}, &Key::due);
}

/// It has enough. Keys that gather are partitions, and few.
void Lanes::end_gathering(Key& key) {
  std::erase(waiting_, &key);
  std::ranges::make_heap(waiting_, std::greater{}, &Key::due);
  line_up(key);
}

void Lanes::stop_gathering() {
  const auto gathering =
      std::stable_partition(waiting_.begin(), waiting_.end(), [](auto* key) { return !key->gathers; });
  if (gathering == waiting_.end()) return;
  std::for_each(gathering, waiting_.end(), [this](auto* key) { line_up(*key); });
  waiting_.erase(gathering, waiting_.end());
  std::ranges::make_heap(waiting_, std::greater{}, &Key::due);
}

void Lanes::wake(SteadyTime now) {
  while (!waiting_.empty() && waiting_.front()->due <= now) {
    std::ranges::pop_heap(waiting_, std::greater{}, &Key::due);
    line_up(*waiting_.back());
    waiting_.pop_back();
  }
}

std::optional<SteadyTime> Lanes::next_due() const {
  return waiting_.empty() ? std::nullopt : std::optional(waiting_.front()->due);
}

Lanes::Key& Lanes::key_of(const Task& task) {
  auto*& head = table_[task.key & (table_.size() - 1)];
  if (task.keyed) {
    for (auto* key = head; key != nullptr; key = key->chain)
      if (key->hash == task.key) return *key;
  }
  if (free_keys_ == nullptr) free_keys_ = &keys_.emplace_back();
  auto& key = *free_keys_;
  free_keys_ = key.next;
  key = Key{.hash = task.key, .in_table = task.keyed};
  if (task.keyed) {
    key.chain = head;
    head = &key;
  }
  return key;
}

void Lanes::release(Key& key) {
  if (key.in_table) {
    auto** link = &table_[key.hash & (table_.size() - 1)];
    while (*link != &key) link = &(*link)->chain;
    *link = key.chain;
  }
  key.next = free_keys_;
  free_keys_ = &key;
}

void Lanes::line_up(Key& key) {
  assert(key.first != nullptr);
  key.in_hand = true;
  key.gathers = false;
  key.next = nullptr;
  (line_first_ == nullptr ? line_first_ : line_last_->next) = &key;
  line_last_ = &key;
  ++ready_;
}

}  // namespace tidings::service
