#include "letters_meant.hpp"

#include <algorithm>

#include "output.hpp"
#include "tidings/base/clock.hpp"
#include "tidings/base/text.hpp"
#include "tidings/base/time.hpp"

namespace tidings::cli {
namespace {

/// How long ago, or a time.
Result<TimePoint> time_of(const char* option, std::string_view text) {
  if (auto ago = parse_duration(text)) return system_clock().now() - *ago;
  if (auto time = parse_rfc3339(text)) return *time;
  return Error{"invalid_time", std::string(option) + " takes how long ago, as 2h or 7d, or a time such as " +
                                   "2026-01-31T12:00:00Z, not '" + printable(text) + "'"};
}

}  // namespace

Result<DeadLetterRequest> request_of(const DeadLetterArguments& arguments) {
  DeadLetterRequest request;
  request.filter.key = arguments.key;
  request.filter.code = arguments.code;
  request.only_first = arguments.only_first;
  if (!arguments.older_than.empty()) {
    auto time = time_of("--older-than", arguments.older_than);
    if (!time) return time.error();
    request.filter.parked_before = *time;
  }
  if (!arguments.newer_than.empty()) {
    auto time = time_of("--newer-than", arguments.newer_than);
    if (!time) return time.error();
    request.filter.parked_after = *time;
  }
  return request;
}

bool says_which(const DeadLetterArguments& arguments) {
  return arguments.key || arguments.code || !arguments.older_than.empty() || !arguments.newer_than.empty();
}

Result<std::vector<std::string>> groups_with_letters(Broker& broker, const Common& common, const std::string& only) {
  auto topics = broker.topics();
  if (!topics) return topics.error();
  std::vector<std::string> groups, names;
  const auto ending = dead_letters_of("");
  for (const auto& topic : *topics) {
    const auto name = unnamed(common, topic.name);
    if (name.ends_with(ending)) groups.push_back(name.substr(0, name.size() - ending.size()));
  }
  if (only.empty()) return groups;
  if (std::ranges::find(groups, only) != groups.end()) return std::vector{only};
  for (const auto& topic : *topics) {
    auto known = broker.groups(topic.name);
    if (!known) continue;  // what is damaged has no names to offer
    for (const auto& group : *known) {
      auto name = unnamed(common, group.group);
      if (name == only) return std::vector<std::string>{};
      if (!name.empty()) names.push_back(std::move(name));
    }
  }
  names.insert(names.end(), groups.begin(), groups.end());
  const auto near = nearest(only, names);
  return Error{"unknown_group",
               "there is no group '" + printable(only) + "'; " +
                   (near.empty() ? "`tidings groups` lists them" : "did you mean '" + std::string(near) + "'?")};
}

std::string how_many(std::uint64_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

}  // namespace tidings::cli
