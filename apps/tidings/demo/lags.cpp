#include "demo/lags.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include "tidings/service/names.hpp"

namespace tidings::cli {

Result<> Lags::look() {
  std::map<std::string_view, std::vector<GroupInfo>> groups;
  for (const auto& spec : specs)
    for (const auto& reading : spec.readings) {
      auto [known, is_new] = groups.try_emplace(reading.topic);
      if (!is_new) continue;
      auto there = broker_.groups(in_namespace(name_space_, reading.topic));
      if (!there) return there.error();
      known->second = std::move(*there);
    }
  for (std::size_t i = 0; i < service_count; ++i) {
    Progress now{.known = true, .held = true};
    for (const auto& reading : specs[i].readings) {
      const auto name = in_namespace(name_space_, group_of(specs[i].name, reading.handler));
      const auto& of_topic = groups[reading.topic];
      const auto group = std::ranges::find(of_topic, name, &GroupInfo::group);
      if (group == of_topic.end() || group->partitions.empty()) {
        now.known = now.held = false;
        continue;
      }
      now.lag += group->lag();
      for (const auto& one : group->partitions) {
        now.handled += one.handled + one.parked;
        now.held = now.held && one.owned;
      }
    }
    progress_[i] = now;
  }
  return {};
}

std::uint64_t Lags::handled() const {
  std::uint64_t sum = 0;
  for (const auto& one : progress_) sum += one.handled;
  return sum;
}

bool Lags::is_quiet() const {
  return std::ranges::all_of(progress_, [](const Progress& one) { return one.held && one.lag == 0; });
}

std::uint64_t Lags::lag_of_checkouts() const {
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < service_count; ++i)
    if (specs[i].has_store) most = std::max(most, progress_[i].lag);
  return most;
}

}  // namespace tidings::cli
