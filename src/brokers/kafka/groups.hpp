#pragma once

#include <string_view>
#include <vector>

#include "brokers/kafka/topics.hpp"

namespace tidings::brokers::kafka {

/// The groups of a topic from outside: looking, moving, deleting. Thread-safe.
class Groups {
 public:
  Groups(Cluster& cluster, const Names& names) : cluster_(cluster), names_(names) {}

  Result<std::vector<GroupInfo>> infos(std::string_view topic, const TopicFacts& facts);
  /// As `Broker::seek`.
  Result<> seek(std::string_view topic, const TopicFacts& facts, std::string_view group, const Start& to);
  /// As `Broker::delete_group`.
  Result<> remove(std::string_view topic, std::string_view group);
  /// Gives the group a position where it has none, if it has no member. Returns where that is, by partition; nothing
  /// where it has all.
  Result<std::vector<std::uint64_t>> begin(std::string_view topic, const TopicFacts& facts, std::string_view group,
                                           const Start& start);
  /// Whether any group of the topic has a live member; `names` are those without.
  Result<bool> any_active(std::string_view topic, std::vector<std::string>& names);

 private:
  Result<GroupInfo> info(std::string_view topic, const TopicFacts& facts, const std::string& group,
                         std::span<const std::uint64_t> earliest, std::span<const std::uint64_t> ends);

  Cluster& cluster_;
  const Names& names_;
};

}  // namespace tidings::brokers::kafka
