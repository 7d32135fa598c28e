#include "demo/summary.hpp"

#include <algorithm>
#include <cstdio>

#include "demo/results.hpp"
#include "demo/view.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/json_codec.hpp"
#include "till.hpp"

namespace tidings::cli {
namespace {

constexpr std::size_t top_max = 5;

std::string counted(std::uint64_t count, const std::string& what) {
  return grouped(count) + " " + what + (count == 1 ? "" : "s");
}

std::string pounds(std::int64_t minor) {
  const auto text = shop::money(minor < 0 ? -minor : minor);
  return (minor < 0 ? "-£" : "£") + grouped(static_cast<std::uint64_t>(minor < 0 ? -minor : minor) / 100) +
         text.substr(text.size() - 3);
}

}  // namespace

void summarize(const Results& results, Summary& summary) {
  summary.placed = results.analytics.orders;
  summary.cancelled = results.analytics.returns;
  summary.lines_rejected = results.rejected.size();
  summary.stock_rejected =
      static_cast<std::uint64_t>(std::ranges::count(results.reservations, "rejected", &ReservationRow::outcome));
  summary.mails = results.mails.size();
  summary.published_twice = results.repeats;
  for (const auto& [country, days] : results.analytics.revenue_minor) {
    std::int64_t sum = 0;
    for (const auto& [day, minor] : days) sum += minor;
    summary.revenue_minor += sum;
    summary.countries.push_back({country, sum});
  }
  std::ranges::stable_sort(summary.countries, std::ranges::greater{}, &Summary::Country::revenue_minor);
  if (summary.countries.size() > top_max) summary.countries.resize(top_max);
  for (const auto& [product, sold] : results.analytics.sold) summary.best_sellers.push_back({product, sold});
  std::ranges::stable_sort(summary.best_sellers, std::ranges::greater{}, &Summary::Seller::sold);
  if (summary.best_sellers.size() > top_max) summary.best_sellers.resize(top_max);
}

std::string to_text(const Summary& summary, std::size_t columns) {
  char line[256];
  std::string out = "\n";
  constexpr std::size_t margin = 18;
  const auto add = [&](const char* name, const std::string& text) {
    std::snprintf(line, sizeof line, "  %-14s  ", name);
    out += line;
    auto column = margin;
    for (std::size_t begin = 0; begin < text.size();) {
      const auto end = std::min(text.find(' ', begin), text.size());
      if (column > margin && column + 1 + (end - begin) > columns) {
        out += "\n" + std::string(margin, ' ');
        column = margin;
      } else if (column > margin) {
        out += ' ';
        ++column;
      }
      out.append(text, begin, end - begin);
      column += end - begin;
      begin = end + 1;
    }
    out += '\n';
  };
  std::snprintf(line, sizeof line, "%.1f s", summary.seconds);
  add("fed",
      counted(summary.orders_fed, "order") + " of " + counted(summary.lines_fed, "line") + ", through in " + line);
  // What was fed and is neither had no line that could be taken.
  const auto nothing = summary.orders_fed - std::min(summary.orders_fed, summary.placed + summary.cancelled);
  add("orders", grouped(summary.placed) + " placed, " + grouped(summary.cancelled) + " cancelled or returned" +
                    (nothing == 0 ? "" : ", " + grouped(nothing) + " without a line that could be taken"));
  add("bad lines", summary.lines_rejected == 0
                       ? "none"
                       : counted(summary.lines_rejected, "line") + ", parked in the topic orders.rejected, " +
                             (summary.lines_rejected == 1 ? "with its reason" : "each with its reason"));
  add("inventory", summary.stock_rejected == 0
                       ? "all reserved"
                       : counted(summary.stock_rejected, "order") + " refused for want of stock");
  add("notifications", counted(summary.mails, "mail"));
  std::string countries;
  for (const auto& one : summary.countries)
    countries += (countries.empty() ? "" : ", ") + printable(one.country) + " " + pounds(one.revenue_minor);
  add("analytics", pounds(summary.revenue_minor) + " revenue" + (countries.empty() ? "" : ": " + countries));
  std::string sellers;
  for (const auto& one : summary.best_sellers)
    sellers += (sellers.empty() ? "" : ", ") + printable(one.product) + " (" + std::to_string(one.sold) + ")";
  if (!sellers.empty()) add("best sellers", sellers);
  const std::string repeats = summary.published_twice == 0
                                  ? ""
                                  : "; " + counted(summary.published_twice, "event") + " came twice and counted once";
  if (summary.kills > 0) {
    std::string who;
    for (const auto& service : summary.services)
      who += (who.empty() ? "" : ", ") + service.name + " " + grouped(service.kills);
    add("killed", counted(summary.kills, "time") + ": " + who + repeats);
  }
  if (!summary.killed.empty()) {
    std::snprintf(line, sizeof line, " behind when it came back, caught up in %.2f s", summary.caught_up_seconds);
    char held[64] = "";
    if (summary.killed_held_to > 0)
      std::snprintf(held, sizeof held, " (held to %.10g a second, to be watched)", summary.killed_held_to);
    add("killed", summary.killed + ": " + counted(summary.lag_at_restart, "event") + line + held + repeats);
  }
  std::string memory;
  for (const auto& service : summary.services) {
    std::snprintf(line, sizeof line, "%s %.1f MiB", service.name.c_str(),
                  static_cast<double>(service.rss_anon_kib) / 1024);
    memory += (memory.empty() ? "" : ", ") + std::string(line);
  }
  add("memory", memory);
  if (summary.checked && summary.differences.empty())
    add("check",
        "every result is what the input says, and there once: rows, revenue, stock, mails, rejected lines, groups, "
        "order");
  for (const auto& difference : summary.differences) add("DIFFERENCE", printable(difference));
  return out + "\n";
}

std::string to_json(const Summary& summary) {
  std::string out;
  if (auto encoded = JsonCodec::encode(summary, out); !encoded)
    return "{}\n";  // its texts come from JSON that was read
  return out + "\n";
}

}  // namespace tidings::cli
