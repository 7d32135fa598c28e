#include "brokers/memory/group.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace tidings::brokers::memory {

Group::Group(std::string name, const std::vector<std::uint64_t>& positions)
    : name_(std::move(name)), places_(positions.size()) {
  for (std::size_t index = 0; index < positions.size(); ++index)
    places_[index].flight.begin(Offset{positions[index]}, ++generation_, Duration::max());
}

void Group::join(Member& member) {
  members_.push_back(&member);
  share(member.clock->steady_now());
}

void Group::begin_leaving(Member& member) {
  member.closing = true;
  share(member.clock->steady_now());
}

bool Group::holds_any(const Member& member) const {
  return std::ranges::any_of(places_, [&](const Place& place) { return place.holder == &member; });
}

void Group::leave(Member& member) {
  member.closing = true;
  std::erase(members_, &member);
  for (auto& place : places_)
    if (place.holder == &member) place.holder = nullptr;
  share(member.clock->steady_now());
}

void Group::hand_over(Place& place, SteadyTime now) {
  if (place.holder == place.wanted) return;
  const auto last = place.flight.last_deadline();
  if (place.holder != nullptr && ((last && *last > now) || place.kept_until > now)) return;
  place.kept_until = SteadyTime::min();
  auto* before = std::exchange(place.holder, place.wanted);
  if (place.holder != nullptr) {
    place.flight.hand_over(++generation_, place.holder->options.settle_within, now);
    place.holder->notify();
  }
  if (before != nullptr) before->notify();
}

void Group::seek(const std::vector<std::uint64_t>& positions) {
  for (std::size_t index = 0; index < positions.size(); ++index) {
    auto& flight = places_[index].flight;
    auto counts = flight.counts();
    if (positions[index] > flight.position().value) counts.skipped += positions[index] - flight.position().value;
    flight.begin(Offset{positions[index]}, ++generation_, Duration::max(), counts);
  }
}

/// Says who is to have which partition: as even as can be, and everybody keeps what it has as far as that goes.
void Group::share(SteadyTime now) {
  std::map<const Member*, std::size_t> shares;
  for (const auto* member : members_)
    if (!member->closing) shares[member] = 0;
  if (shares.empty()) {
    for (auto& place : places_) place.wanted = nullptr;
  } else {
    const auto least = places_.size() / shares.size();
    auto larger = places_.size() % shares.size();
    std::vector<Place*> free;
    for (auto& place : places_) {
      auto* keeper = place.holder != nullptr && !place.holder->closing ? place.holder : place.wanted;
      const auto share = shares.find(keeper);
      if (share == shares.end() || share->second > least || (share->second == least && larger == 0)) {
        free.push_back(&place);
        continue;
      }
      if (share->second++ == least) --larger;
      place.wanted = keeper;
    }
    for (auto* place : free) {
      auto* poorest = *std::ranges::min_element(
          members_, {}, [&](const Member* member) { return member->closing ? places_.size() + 1 : shares[member]; });
      ++shares[poorest];
      place->wanted = poorest;
    }
  }
  for (auto& place : places_) hand_over(place, now);
}

}  // namespace tidings::brokers::memory
