#include "log/segment_cache.hpp"

#include <limits>

#include "tidings/base/forks.hpp"

namespace tidings::log {

SegmentCache::SegmentCache(std::shared_ptr<Background> background, const Bounds& bounds)
    : background_(std::move(background)), bounds_(bounds), forks_(fork_count()) {}

SegmentCache::~SegmentCache() {
  if (background_ && fork_count() == forks_) background_->forget(this);
}

std::shared_ptr<Segment> SegmentCache::find(const void* owner, std::uint64_t first) {
  const std::scoped_lock lock(mutex_);
  const auto known = places_.find({owner, first});
  if (known == places_.end()) return nullptr;
  const auto place = known->second;
  place->round = round_;
  kept_.splice(kept_.begin(), kept_, place);
  return place->segment;
}

void SegmentCache::keep(const void* owner, std::shared_ptr<Segment> segment) {
  std::list<Kept> gone;  // unmapped behind the lock, which takes its time
  const std::scoped_lock lock(mutex_);
  const std::pair key{owner, segment->first_offset()};
  if (const auto known = places_.find(key); known != places_.end()) {
    if (known->second->segment == segment) return;
    forget(known, std::next(known), gone);
  }
  while (!kept_.empty() && kept_.size() >= bounds_.segments) {
    const auto last = places_.find(kept_.back().key);
    forget(last, std::next(last), gone);
  }
  kept_.push_front({key, std::move(segment), round_});
  places_.emplace(key, kept_.begin());
  sweep_later();
}

void SegmentCache::forget(Places::iterator begin, Places::iterator end, std::list<Kept>& gone) {
  for (auto at = begin; at != end; ++at) gone.splice(gone.end(), kept_, at->second);
  places_.erase(begin, end);
}

void SegmentCache::forget(const void* owner, std::uint64_t first) {
  std::list<Kept> gone;
  const std::scoped_lock lock(mutex_);
  if (const auto known = places_.find({owner, first}); known != places_.end()) forget(known, std::next(known), gone);
}

void SegmentCache::forget_before(const void* owner, std::uint64_t first) {
  std::list<Kept> gone;
  const std::scoped_lock lock(mutex_);
  forget(places_.lower_bound({owner, 0}), places_.lower_bound({owner, first}), gone);
}

void SegmentCache::forget_all(const void* owner) {
  std::list<Kept> gone;
  const std::scoped_lock lock(mutex_);
  forget(places_.lower_bound({owner, 0}), places_.upper_bound({owner, std::numeric_limits<std::uint64_t>::max()}),
         gone);
}

std::size_t SegmentCache::size() const {
  const std::scoped_lock lock(mutex_);
  return kept_.size();
}

/// What was not asked for since the sweep before.
void SegmentCache::sweep() {
  std::list<Kept> gone;
  const std::scoped_lock lock(mutex_);
  while (!kept_.empty() && kept_.back().round < round_) {
    const auto last = places_.find(kept_.back().key);
    forget(last, std::next(last), gone);
  }
  ++round_;
  is_swept_ = false;
  sweep_later();
}

/// Under `mutex_`.
void SegmentCache::sweep_later() {
  if (is_swept_ || !background_ || kept_.empty()) return;
  is_swept_ = true;
  background_->post_after(bounds_.idle, this, [this] { sweep(); });
}

}  // namespace tidings::log
