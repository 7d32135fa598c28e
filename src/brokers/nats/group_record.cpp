#include "brokers/nats/group_record.hpp"

#include <algorithm>
#include <map>

namespace tidings::brokers::nats {

MemberEntry* GroupRecord::member(std::string_view id) {
  const auto found = std::ranges::find(members, id, &MemberEntry::id);
  return found == members.end() ? nullptr : &*found;
}

const MemberEntry* GroupRecord::member(std::string_view id) const {
  const auto found = std::ranges::find(members, id, &MemberEntry::id);
  return found == members.end() ? nullptr : &*found;
}

void GroupRecord::share() {
  std::map<std::string_view, std::size_t> shares;
  for (const auto& one : members)
    if (!one.leaves) shares[one.id] = 0;
  for (auto& place : places)
    if (member(place.holder) == nullptr) place.holder.clear();
  if (shares.empty()) {
    for (auto& place : places) place.wanted.clear();
    return;
  }
  const auto least = places.size() / shares.size();
  auto larger = places.size() % shares.size();
  std::vector<PlaceEntry*> free;
  for (auto& place : places) {
    const auto holder = shares.find(place.holder);
    const auto keeper = holder != shares.end() ? holder : shares.find(place.wanted);
    if (keeper == shares.end() || keeper->second > least || (keeper->second == least && larger == 0)) {
      free.push_back(&place);
      continue;
    }
    if (keeper->second++ == least) --larger;
    place.wanted = keeper->first;
  }
  for (auto* place : free) {
    const MemberEntry* poorest = nullptr;
    for (const auto& one : members)
      if (!one.leaves && (poorest == nullptr || shares[one.id] < shares[poorest->id])) poorest = &one;
    ++shares[poorest->id];
    place->wanted = poorest->id;
  }
  for (auto& place : places)
    if (place.holder.empty()) place.holder = place.wanted;
}

void GroupRecord::join(std::string_view id) {
  if (member(id) == nullptr) members.push_back({.id = std::string(id)});
  share();
}

void GroupRecord::begin_leaving(std::string_view id) {
  if (auto* one = member(id)) one->leaves = true;
  share();
}

void GroupRecord::remove(std::string_view id) {
  std::erase_if(members, [&](const MemberEntry& one) { return one.id == id; });
  share();
}

bool GroupRecord::hand_over(std::string_view holder, std::uint32_t partition) {
  auto& place = places.at(partition);
  if (place.holder != holder) return false;
  if (place.wanted != holder) place.holder = place.wanted;
  return true;
}

void PositionRecord::set(Offset at, const OutcomeCounts& counts, std::uint64_t beyond) {
  position = at.value;
  settled_beyond = beyond;
  handled = counts.handled;
  parked = counts.parked;
  expired = counts.expired;
  skipped = counts.skipped;
}

}  // namespace tidings::brokers::nats
