#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidings::brokers::kafka {

/// Our names of topics and groups as Kafka's, and back. A group of ours is one on one topic, Kafka's is one on a
/// cluster: so ours is named `GROUP@TOPIC` there, which no other name can be, and rights may be given by a prefix.
class Names {
 public:
  explicit Names(std::string prefix) : prefix_(std::move(prefix)) {}

  [[nodiscard]] std::string topic(std::string_view name) const { return prefix_ + std::string(name); }
  [[nodiscard]] std::string group(std::string_view topic, std::string_view group) const {
    return prefix_ + std::string(group) + "@" + prefix_ + std::string(topic);
  }
  /// None: it is not below our prefix.
  [[nodiscard]] std::optional<std::string> our_topic(std::string_view theirs) const {
    if (!theirs.starts_with(prefix_) || theirs.size() == prefix_.size()) return std::nullopt;
    return std::string(theirs.substr(prefix_.size()));
  }
  /// None: it is no group of that topic.
  [[nodiscard]] std::optional<std::string> our_group(std::string_view theirs, std::string_view topic) const {
    const auto end = "@" + prefix_ + std::string(topic);
    if (!theirs.ends_with(end)) return std::nullopt;
    return our_topic(theirs.substr(0, theirs.size() - end.size()));
  }

 private:
  std::string prefix_;
};

}  // namespace tidings::brokers::kafka
