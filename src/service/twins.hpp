#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "service/host.hpp"

namespace tidings::service {

/// Looks whether another process has the name of this one, by the setting `instance`: the two are members of one group
/// then, and share the events that each of them was to get (`Instances::each`). Who holds all partitions cannot see it;
/// the other one does. Not thread-safe.
class Twins {
 public:
  explicit Twins(Host& host) : host_(host) {}

  /// A topic of a handler whose group is this process's alone.
  struct Member {
    std::string handler;
    std::string group;
    std::string topic;  ///< without the namespace
    std::string broker_topic;
    std::vector<std::string> held;  ///< its partitions that are held here, `orders/0`
  };
  /// Warns, once, of a handler of which others have held a partition in two looks that follow one another: what moves
  /// just then, as from a process that has ended, is nobody's fault.
  void look(std::span<const Member> members);

 private:
  Host& host_;
  std::map<std::pair<std::string, std::string>, int> seen_;  // by handler and topic: in so many looks
};

}  // namespace tidings::service
