#include "service/dead_book.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace tidings::service {

namespace {
constexpr std::uint64_t nowhere = ~std::uint64_t{0};
}  // namespace

// The journal.

/// The first entry that is kept may be of any hold, where retention took what was before it.
bool Book::counts(std::string_view hold) {
  if (hold_.empty()) hold_ = hold;
  return hold == hold_;
}

bool Book::read(const Letter& letter, std::uint64_t at) {
  // Who holds nothing names no hold: an event by itself, which nobody waits for.
  if (!letter.hold.empty() && !counts(letter.hold)) return false;
  const bool ordered = letter.ordered && !letter.hold.empty();
  const bool is_new = park({ordered ? letter.key : 0, letter.offset, ordered});
  wrote(at);
  return is_new;
}

void Book::read(const DeadTaken&, std::string_view id) {
  hold_ = id;
}

void Book::read(const DeadBegun& begun) {
  if (!counts(begun.hold)) return;
  if (auto* known = request(begun.request))
    ++known->fruitless;
  else
    requests_.push_back({.id = begun.request, .what = begun.what, .fruitless = 1});
}

void Book::read(const DeadClosed& closed) {
  if (!counts(closed.hold)) return;
  const auto number = number_of(closed.request);
  const auto each = [&](const DeadPlace& place, bool dropped) {
    // Whoever goes on with the request after a crash knows by that which keys it means.
    if (const auto key = keys_.find(place.key); place.ordered && key != keys_.end() && number != 0)
      set_state(key->second, number, State::rest_of_meant);
    close(place, dropped);
  };
  // One entry may tell that the first of a key was dropped and the next driven again: a key is closed from its first
  // to its last, else what is told too late would keep it blocked.
  std::vector<std::pair<const DeadPlace*, bool>> places;
  places.reserve(closed.redriven.size() + closed.dropped.size());
  for (const auto& place : closed.redriven) places.emplace_back(&place, false);
  for (const auto& place : closed.dropped) places.emplace_back(&place, true);
  std::ranges::stable_sort(places, {}, [](const auto& one) { return one.first->offset; });
  for (const auto& [place, dropped] : places) each(*place, dropped);
  note_progress(closed.request, closed.redriven.size(), closed.dropped.size());
}

void Book::read(const DeadFailed& told) {
  if (!counts(told.hold)) return;
  failed(told.place, told.code, told.time, told.request);
  if (const auto failure = failures_.find(told.place.offset); keeps_reasons_ && failure != failures_.end())
    failure->second.reason = told.reason, failure->second.attempts = told.attempts;
}

void Book::tell_failure(Letter& letter) const {
  const auto failure = failures_.find(letter.offset);
  if (failure == failures_.end()) return;
  letter.code = codes_[failure->second.code];
  letter.time = failure->second.time;
  if (!keeps_reasons_) return;
  letter.reason = failure->second.reason;
  letter.attempts = failure->second.attempts;
}

void Book::read(const DeadDone& done) {
  if (!counts(done.hold)) return;
  if (auto* known = request(done.request)) known->done = true, known->given_up = done.given_up;
}

// What is parked.

Book::Standing Book::standing(std::uint64_t key, bool has_key, std::uint64_t offset) const {
  if (singles_.contains(offset)) return Standing::parked;
  if (!has_key) return Standing::free;
  const auto found = keys_.find(key);
  if (found == keys_.end() || offset < found->second.first) return Standing::free;
  if (offset <= found->second.last) return Standing::parked;
  return found->second.closing == found->second.open ? Standing::closing : Standing::behind;
}

std::uint64_t Book::first_of(std::uint64_t key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? nowhere : found->second.first;
}

/// An event of before the run, which has come again and failed this time, is not part of it: that was handled before
/// the first of the run was tried.
bool Book::would_block(std::uint64_t key, std::uint64_t offset) const {
  const auto found = keys_.find(key);
  return found == keys_.end() || offset >= found->second.first;
}

bool Book::park(const DeadPlace& place) {
  if (!place.ordered) {
    if (!singles_.insert(place.offset).second) return false;
  } else {
    auto [found, is_first] = keys_.try_emplace(place.key);
    auto& key = found->second;
    if (is_first)
      key.first = key.through = place.offset;
    else if (place.offset <= key.last)
      return false;
    key.last = place.offset;
    ++key.open;
  }
  note_end(place.offset, DeadLetterEnd::none);
  ++parked_;
  last_ = std::max(last_, place.offset + 1);
  return true;
}

void Book::wrote(std::uint64_t at) {
  if (open() > 0) low_ = std::min(low_, at);
}

void Book::closing(const DeadPlace& place) {
  if (const auto found = keys_.find(place.key); place.ordered && found != keys_.end()) ++found->second.closing;
}

void Book::close(const DeadPlace& place, bool dropped) {
  if (!place.ordered) {
    if (singles_.erase(place.offset) == 0) return;
    singles_looked_.erase(place.offset);
  } else {
    const auto found = keys_.find(place.key);
    if (found == keys_.end() || place.offset < found->second.through || place.offset > found->second.last) return;
    auto& key = found->second;
    key.through = place.offset + 1;
    --key.open;
    if (key.closing > 0) --key.closing;
    if (key.open == 0) {
      set_state(key, looking_, State::passed);
      keys_.erase(found);
    }
  }
  failures_.erase(place.offset);
  note_end(place.offset, dropped ? DeadLetterEnd::dropped : DeadLetterEnd::redriven);
  ++(dropped ? dropped_ : redriven_);
  if (open() == 0) low_ = nowhere, last_ = 0;
}

void Book::failed(const DeadPlace& place, std::string_view code, TimePoint time, std::string_view request_id) {
  const auto number = number_of(request_id);
  if (place.ordered) {
    const auto found = keys_.find(place.key);
    if (found == keys_.end()) return;
    set_state(found->second, number, State::stopped);
  } else if (!singles_.contains(place.offset)) {
    return;
  }
  auto known = std::ranges::find(codes_, code);
  if (known == codes_.end()) known = codes_.insert(known, std::string(code));
  auto& failure = failures_[place.offset];
  failure = {static_cast<std::uint32_t>(known - codes_.begin()), number, time, {}, 0};
  if (auto* asked = request(request_id)) ++asked->failed;
}

void Book::note_end(std::uint64_t offset, DeadLetterEnd end) {
  if (watched_.empty()) return;
  if (const auto found = watched_.find(offset); found != watched_.end()) found->second = end;
}

std::uint64_t Book::give_up_lost(std::string_view request_id) {
  const auto number = number_of(request_id);
  std::uint64_t lost = 0;
  for (auto at = keys_.begin(); at != keys_.end();) {
    auto& key = at->second;
    if (key.request != number || (key.state != State::meant && key.state != State::rest_of_meant)) {
      ++at;
      continue;
    }
    lost += key.open;
    set_state(key, number, State::passed);
    at = keys_.erase(at);
  }
  dropped_ += lost;
  if (open() == 0) low_ = nowhere, last_ = 0;
  return lost;
}

// Requests.

Book::Request* Book::request(std::string_view id) {
  const auto found = std::ranges::find(requests_, id, &Request::id);
  return found == requests_.end() ? nullptr : &*found;
}

/// From 1; 0: not known.
std::uint32_t Book::number_of(std::string_view id) const {
  const auto found = std::ranges::find(requests_, id, &Request::id);
  return found == requests_.end() ? 0 : static_cast<std::uint32_t>(found - requests_.begin()) + 1;
}

void Book::note_progress(std::string_view id, std::uint64_t redriven, std::uint64_t dropped) {
  auto* asked = request(id);
  if (asked == nullptr) return;
  asked->redriven += redriven;
  asked->dropped += dropped;
  asked->fruitless = 0;
}

void Book::set_state(Key& key, std::uint32_t number, State state) {
  const auto is_active = [&] {
    return looking_ != 0 && key.request == looking_ && (key.state == State::meant || key.state == State::rest_of_meant);
  };
  const bool was = is_active();
  key.request = number;
  key.state = state;
  const bool is = is_active();
  if (was && !is) --active_;
  if (is && !was) ++active_;
}

void Book::begin_look(std::string_view id) {
  looking_ = number_of(id);
  active_ = 0;
  singles_looked_.clear();
  for (auto& [hash, key] : keys_) {
    key.looked = key.through;
    if (key.request == looking_ && (key.state == State::meant || key.state == State::rest_of_meant)) ++active_;
  }
}

bool Book::matches(const Letter& letter, std::string_view key, const DeadLetterFilter& filter) const {
  auto code = letter.code;
  auto time = letter.time;
  if (const auto again = failures_.find(letter.offset); again != failures_.end()) {
    code = codes_[again->second.code];
    time = again->second.time;
  }
  return (!filter.key || *filter.key == key) && (!filter.code || *filter.code == code) &&
         (!filter.parked_before || time < *filter.parked_before) &&
         (!filter.parked_after || time >= *filter.parked_after);
}

Book::Verdict Book::look(const Letter& letter, std::string_view key_text, std::uint64_t at,
                         const DeadLetterRequest& what, std::uint64_t end) {
  const bool drops = what.action == DeadLetterRequest::Action::drop;
  if (!letter.ordered || letter.hold.empty()) {
    if (at >= end || !singles_.contains(letter.offset)) return Verdict::pass;
    const auto again = failures_.find(letter.offset);
    if (again != failures_.end() && again->second.request == looking_) return Verdict::pass;
    if (!matches(letter, key_text, what.filter) || !singles_looked_.insert(letter.offset).second) return Verdict::pass;
    return drops ? Verdict::drop : Verdict::redrive;
  }
  const auto found = keys_.find(letter.key);
  if (found == keys_.end()) return Verdict::pass;
  auto& key = found->second;
  if (letter.offset < std::max(key.through, key.looked) || letter.offset > key.last) return Verdict::pass;
  key.looked = letter.offset + 1;
  if (key.request != looking_ || key.state == State::not_looked_at)  // so this is its first
    set_state(key, looking_, at < end && matches(letter, key_text, what.filter) ? State::meant : State::passed);
  if (key.state == State::meant) {
    if (what.only_first) set_state(key, looking_, State::rest_of_meant);
    return drops && at < end ? Verdict::drop : Verdict::redrive;
  }
  if (key.state != State::rest_of_meant) return Verdict::pass;
  return drops && !what.only_first && at < end ? Verdict::drop : Verdict::redrive;
}

bool Book::may_go_on(const DeadPlace& place) const {
  if (!place.ordered) return singles_.contains(place.offset);
  const auto found = keys_.find(place.key);
  return found != keys_.end() && place.offset >= found->second.through && found->second.state != State::stopped;
}

}  // namespace tidings::service
