#pragma once

#include <cstddef>
#include <iterator>

namespace tidings::cli {

struct ServiceSpec {
  const char* name;
  const char* topic;
  const char* group;
  const char* doing;
  bool has_store = false;
};
/// In the order of the flow.
inline constexpr ServiceSpec specs[] = {{"orders", "submissions", "orders.take-orders", "takes orders", true},
                                        {"inventory", "orders", "inventory.reserve-stock", "reserves stock", true},
                                        {"notifications", "stock", "notifications.send-mails", "writes mails"},
                                        {"analytics", "orders", "analytics.count-revenue", "counts revenue"}};
inline constexpr std::size_t service_count = std::size(specs);

}  // namespace tidings::cli
