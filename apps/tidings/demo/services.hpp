#pragma once

#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

namespace tidings::cli {

/// A handler on one of its topics: there it is the group `SERVICE.HANDLER`.
struct Reading {
  const char* handler;
  const char* topic;
};

struct ServiceSpec {
  const char* name;
  const char* doing;
  std::span<const Reading> readings;  ///< the first is what it is held to where its catching up is to be watched
  bool has_store = false;
};

inline constexpr Reading orders_readings[] = {{"take-orders", "submissions"},
                                              {"saga-checkout", "orders"},
                                              {"saga-checkout", "stock"},
                                              {"saga-checkout", "payments"},
                                              {"settle-orders", "orders"}};
inline constexpr Reading inventory_readings[] = {{"keep-stock", "stock.commands"}, {"keep-stock", "orders"}};
inline constexpr Reading payments_readings[] = {{"keep-accounts", "payments.commands"}, {"keep-accounts", "orders"}};
inline constexpr Reading notifications_readings[] = {{"send-mails", "orders"}};
inline constexpr Reading analytics_readings[] = {{"count-revenue", "orders"}};

/// In the order of the flow.
inline constexpr ServiceSpec specs[] = {{"orders", "runs checkouts", orders_readings, true},
                                        {"inventory", "keeps stock", inventory_readings, true},
                                        {"payments", "takes money", payments_readings, true},
                                        {"notifications", "writes mails", notifications_readings},
                                        {"analytics", "counts revenue", analytics_readings}};
inline constexpr std::size_t service_count = std::size(specs);

/// The topics that they read and write.
inline constexpr const char* topic_names[] = {
    "submissions", "orders", "orders.rejected", "stock.commands", "stock", "payments.commands", "payments"};

/// The service of that name; `service_count`: there is none.
[[nodiscard]] constexpr std::size_t service_named(std::string_view name) {
  std::size_t at = 0;
  while (at < service_count && name != specs[at].name) ++at;
  return at;
}

/// Their names, with commas between, and `between` before the last of them.
[[nodiscard]] inline std::string service_names(std::string_view between = ", ") {
  std::string text;
  for (std::size_t at = 0; at < service_count; ++at)
    text.append(at == 0 ? "" : at + 1 == service_count ? between : ", ").append(specs[at].name);
  return text;
}

}  // namespace tidings::cli
