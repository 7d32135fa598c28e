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

std::uint64_t& count_of(Summary& summary, const End& end) {
  if (end.is_confirmed) return summary.confirmed;
  switch (end.reason) {
    case shop::FailureReason::out_of_stock:
      return summary.out_of_stock;
    case shop::FailureReason::payment_declined:
      return summary.payment_declined;
    case shop::FailureReason::cancelled:
      return summary.cancelled;
    case shop::FailureReason::no_answer:
      break;
  }
  return summary.no_answer;
}

/// `20 declined, 3 unanswered`: of the parts those that there are.
std::string listed(std::initializer_list<std::pair<std::uint64_t, const char*>> parts) {
  std::string text;
  for (const auto& [count, what] : parts)
    if (count > 0) text.append(text.empty() ? "" : ", ").append(grouped(count)).append(" ").append(what);
  return text;
}

}  // namespace

void summarize(const Results& results, Summary& summary) {
  for (const auto& row : results.orders) ++(row.status == "returned" ? summary.returned : summary.placed);
  for (const auto& [id, ends] : results.ends)
    if (!ends.empty()) ++count_of(summary, ends.front());
  summary.cancellations_rejected = results.rejected_cancellations.size();
  summary.lines_rejected = results.rejected.size();
  for (const auto& row : results.payments) {
    summary.charged_minor += row.charged_minor;
    summary.paid_back_minor += row.refunded_minor;
  }
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
  const auto nothing = summary.orders_fed - std::min(summary.orders_fed, summary.placed + summary.returned);
  add("orders", grouped(summary.placed) + " placed, " + grouped(summary.returned) + " returned" +
                    (nothing == 0 ? "" : ", " + grouped(nothing) + " without a line that could be taken"));
  const auto failures = listed({{summary.out_of_stock, "out of stock"},
                                {summary.payment_declined, "with a declined payment"},
                                {summary.no_answer, "without an answer in time"},
                                {summary.cancelled, "cancelled"}});
  add("checkouts", grouped(summary.confirmed) + " confirmed" + (failures.empty() ? ", none failed" : "; " + failures));
  if (summary.cancellations > 0)
    add("cancellations", grouped(summary.cancellations) + " asked for, " + grouped(summary.cancellations_rejected) +
                             " of them too late or for nothing");
  add("bad lines", summary.lines_rejected == 0
                       ? "none"
                       : counted(summary.lines_rejected, "line") + ", parked in the topic orders.rejected, " +
                             (summary.lines_rejected == 1 ? "with its reason" : "each with its reason"));
  add("payments", pounds(summary.charged_minor) + " charged, " + pounds(summary.paid_back_minor) + " paid back");
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
        "every order has one end, and all that it took is there or given back: rows, checkouts, stock, money, revenue, "
        "mails, rejected lines, groups, order");
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
