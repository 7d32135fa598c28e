#include "tidings/broker/in_flight.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace tidings {

void OutcomeCounts::add(Outcome outcome, std::uint64_t events) {
  switch (outcome) {
    case Outcome::handled:
      handled += events;
      return;
    case Outcome::parked:
      parked += events;
      return;
    case Outcome::expired:
      expired += events;
      return;
    case Outcome::skipped:
      skipped += events;
      return;
  }
}

void InFlight::begin(Offset position, std::uint64_t generation, Duration settle_within, const OutcomeCounts& counts) {
  generation_ = generation;
  settle_within_ = settle_within;
  next_ = position.value;
  counts_ = counts;
  settled_beyond_ = 0;
  in_flight_ = 0;
  head_ = tail_ = 0;
  first_ = last_ = none;
  waiting_.clear();
}

void InFlight::hand_over(std::uint64_t generation, Duration settle_within, SteadyTime now) {
  generation_ = generation;
  settle_within_ = settle_within;
  now = latest(now);
  for (auto sequence = head_; sequence != tail_; ++sequence) {
    if (at(sequence).state == State::in_flight) {
      take_from_flight(sequence);
      put_waiting(sequence, now);
    } else if (at(sequence).state == State::waiting) {
      take_from_waiting(sequence);
      put_waiting(sequence, now);
    }
  }
}

void InFlight::add(Offset offset, SteadyTime now, int attempt) {
  assert(offset.value >= next_);
  pass_over(offset);
  const auto sequence = push({.offset = offset.value, .attempt = attempt});
  next_ = offset.value + 1;
  put_in_flight(sequence, latest(now));
}

void InFlight::pass_over(Offset to) {
  if (to.value <= next_) return;
  const auto offsets = to.value - next_;
  if (head_ == tail_)
    counts_.gaps += offsets;
  else if (auto& last = at(tail_ - 1); last.is_gap)  // so there is at most one behind each event
    last.events += offsets;
  else
    push({.offset = next_, .events = offsets, .state = State::settled, .is_gap = true});
  next_ = to.value;
}

void InFlight::skip_to(Offset to) {
  if (to.value <= next_) return;
  push({.offset = next_, .events = to.value - next_, .state = State::settled, .outcome = Outcome::skipped});
  settled_beyond_ += to.value - next_;
  next_ = to.value;
  advance();
}

std::optional<InFlight::Due> InFlight::take_due(SteadyTime now) {
  now = latest(now);
  const bool late = first_ != none && at(first_).due <= now;
  const bool waited = !waiting_.empty() && at(waiting_.front()).due <= now;
  if (!late && !waited) return std::nullopt;
  auto sequence = late ? first_ : waiting_.front();
  if (late && waited && earlier(waiting_.front(), first_)) sequence = waiting_.front();
  if (at(sequence).state == State::in_flight)
    take_from_flight(sequence);
  else
    take_from_waiting(sequence);
  put_in_flight(sequence, now);
  auto& entry = at(sequence);
  return Due{Offset{entry.offset}, ++entry.attempt};
}

std::optional<SteadyTime> InFlight::next_due() const {
  std::optional<SteadyTime> due;
  if (first_ != none) due = at(first_).due;
  if (!waiting_.empty()) due = due ? std::min(*due, at(waiting_.front()).due) : at(waiting_.front()).due;
  return due;
}

std::optional<SteadyTime> InFlight::last_deadline() const {
  return last_ == none ? std::nullopt : std::optional(at(last_).due);
}

InFlight::Answer InFlight::settle(Offset offset, std::uint64_t generation, Outcome outcome) {
  std::uint64_t sequence = none;
  if (const auto answer = refused(offset, generation, sequence)) return *answer;
  if (at(sequence).state == State::in_flight)
    take_from_flight(sequence);
  else
    take_from_waiting(sequence);
  at(sequence).state = State::settled;
  at(sequence).outcome = outcome;
  ++settled_beyond_;
  if (sequence == head_) advance();
  return Answer::done;
}

InFlight::Answer InFlight::reject(Offset offset, std::uint64_t generation, SteadyTime due) {
  std::uint64_t sequence = none;
  if (const auto answer = refused(offset, generation, sequence)) return *answer;
  if (at(sequence).state == State::in_flight)
    take_from_flight(sequence);
  else
    take_from_waiting(sequence);
  put_waiting(sequence, due);
  return Answer::done;
}

InFlight::Answer InFlight::extend(Offset offset, std::uint64_t generation, SteadyTime now) {
  std::uint64_t sequence = none;
  if (const auto answer = refused(offset, generation, sequence)) return *answer;
  if (at(sequence).state == State::waiting) return Answer::done;
  take_from_flight(sequence);
  put_in_flight(sequence, latest(now));
  return Answer::done;
}

/// Where `offset` stands, or `none`. Dense offsets are found at the first look.
std::uint64_t InFlight::find(std::uint64_t offset) const {
  if (head_ == tail_ || offset < at(head_).offset) return none;
  auto high = std::min(tail_ - head_ - 1, offset - at(head_).offset);
  std::uint64_t low = 0;
  if (at(head_ + high).offset == offset) return head_ + high;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    if (at(head_ + middle).offset < offset)
      low = middle + 1;
    else
      high = middle;
  }
  return at(head_ + low).offset == offset ? head_ + low : none;
}

/// The answer, where there is nothing to be done; else `sequence` is one that is not settled.
std::optional<InFlight::Answer> InFlight::refused(Offset offset, std::uint64_t generation,
                                                  std::uint64_t& sequence) const {
  if (generation != generation_ || offset.value >= next_) return Answer::not_held;
  sequence = find(offset.value);
  if (sequence == none || at(sequence).state == State::settled) return Answer::repeated;
  return std::nullopt;
}

std::uint64_t InFlight::push(const Entry& entry) {
  if (tracked() == ring_.size()) {
    std::vector<Entry> wider(std::max<std::size_t>(16, ring_.size() * 2));
    for (auto sequence = head_; sequence != tail_; ++sequence) wider[sequence & (wider.size() - 1)] = at(sequence);
    ring_ = std::move(wider);
  }
  at(tail_) = entry;
  return tail_++;
}

void InFlight::put_in_flight(std::uint64_t sequence, SteadyTime now) {
  auto& entry = at(sequence);
  entry.state = State::in_flight;
  entry.due = deadline_after(now, settle_within_);
  entry.before = last_;
  entry.after = none;
  (last_ == none ? first_ : at(last_).after) = sequence;
  last_ = sequence;
  ++in_flight_;
}

void InFlight::take_from_flight(std::uint64_t sequence) {
  const auto& entry = at(sequence);
  (entry.before == none ? first_ : at(entry.before).after) = entry.after;
  (entry.after == none ? last_ : at(entry.after).before) = entry.before;
  --in_flight_;
}

void InFlight::put_waiting(std::uint64_t sequence, SteadyTime due) {
  auto& entry = at(sequence);
  entry.state = State::waiting;
  entry.due = due;
  waiting_.push_back(sequence);
  place(waiting_.size() - 1, sequence);
  sift(waiting_.size() - 1);
}

void InFlight::take_from_waiting(std::uint64_t sequence) {
  const auto index = at(sequence).heap_place;
  const auto moved = waiting_.back();
  waiting_.pop_back();
  if (moved == sequence) return;
  place(index, moved);
  sift(index);
}

/// Moves the position past what is settled in front of it.
void InFlight::advance() {
  while (head_ != tail_ && at(head_).state == State::settled) {
    const auto& entry = at(head_);
    if (entry.is_gap) {
      counts_.gaps += entry.events;
    } else {
      counts_.add(entry.outcome, entry.events);
      settled_beyond_ -= entry.events;
    }
    ++head_;
  }
}

bool InFlight::earlier(std::uint64_t a, std::uint64_t b) const {
  return std::pair(at(a).due, a) < std::pair(at(b).due, b);
}

void InFlight::place(std::size_t index, std::uint64_t sequence) {
  waiting_[index] = sequence;
  at(sequence).heap_place = index;
}

/// Restores the heap where only the entry at `index` may stand wrong.
void InFlight::sift(std::size_t index) {
  const auto sequence = waiting_[index];
  while (index > 0 && earlier(sequence, waiting_[(index - 1) / 2])) {
    place(index, waiting_[(index - 1) / 2]);
    index = (index - 1) / 2;
  }
  for (auto child = 2 * index + 1; child < waiting_.size(); child = 2 * index + 1) {
    if (child + 1 < waiting_.size() && earlier(waiting_[child + 1], waiting_[child])) ++child;
    if (!earlier(waiting_[child], sequence)) break;
    place(index, waiting_[child]);
    index = child;
  }
  place(index, sequence);
}

}  // namespace tidings
