#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "demo/expected.hpp"
#include "state.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::cli {

/// What the shop came to: its services' states, mails, topics and groups.
struct Results {
  shop::AnalyticsState analytics;
  shop::InventoryState inventory;
  std::map<std::string, std::string> mails;  ///< by file name
  std::vector<GroupInfo> groups;             ///< the four services', and of dead letters none
  std::set<std::pair<std::string, std::uint64_t>> rejected;
  std::map<std::string, std::vector<std::string>>
      order_events;  ///< by order, types as they first stand in topic `orders`
  std::map<std::string, std::vector<std::string>> stock_events;  ///< and in `stock`
  std::vector<std::string> dead_letters;                         ///< topics that have some
  std::uint64_t repeats = 0;                                     ///< events published a second time after a crash
};

/// Where the shop's things are.
struct Places {
  std::string directory;
  std::string name_space;
};

[[nodiscard]] Result<Results> collect(Broker& broker, const Places& places);

/// What differs, a sentence each; nothing where all is right. `stock_each`: conservation is demanded in place of one
/// outcome.
[[nodiscard]] std::vector<std::string> compare(const Expected& expected, const Results& results,
                                               std::optional<std::uint64_t> stock_each);

}  // namespace tidings::cli
