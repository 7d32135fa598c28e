#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tidings::cli {

struct Results;

/// What a demo came to, as `--json` prints it, member for member.
struct Summary {
  struct Service {
    std::string name;
    std::uint64_t handled = 0;
    std::uint64_t rss_anon_kib = 0;  ///< when all was done, before it stopped
    std::uint64_t kills = 0;         ///< by --chaos
  };
  struct Seller {
    std::string product;
    std::int64_t sold = 0;
  };
  struct Country {
    std::string country;
    std::int64_t revenue_minor = 0;
  };

  std::uint64_t orders_fed = 0;
  std::uint64_t lines_fed = 0;
  double seconds = 0;
  std::uint64_t placed = 0;
  std::uint64_t confirmed = 0;
  std::uint64_t out_of_stock = 0;  ///< this and the next three: orders that have failed, by their reasons
  std::uint64_t payment_declined = 0;
  std::uint64_t no_answer = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t returned = 0;
  std::uint64_t cancellations = 0;           ///< that were asked for
  std::uint64_t cancellations_rejected = 0;  ///< mostly since they came too late
  std::uint64_t lines_rejected = 0;
  std::int64_t charged_minor = 0;  ///< by the ledger, what was paid back included
  std::int64_t paid_back_minor = 0;
  std::uint64_t mails = 0;
  std::int64_t revenue_minor = 0;
  std::vector<Country> countries;  ///< the five with the highest revenue
  std::vector<Seller> best_sellers;
  std::vector<Service> services;
  std::uint64_t kills = 0;  ///< by --chaos
  std::string killed;
  std::uint64_t lag_at_restart = 0;
  double caught_up_seconds = 0;
  double killed_held_to = 0;          ///< events a second, so that its catching up could be watched; 0: not held
  std::uint64_t published_twice = 0;  ///< by services that were killed; nobody counted them twice
  bool checked = false;
  std::vector<std::string> differences;
};

void summarize(const Results& results, Summary& summary);
/// In lines of at most `columns`.
[[nodiscard]] std::string to_text(const Summary& summary, std::size_t columns);
[[nodiscard]] std::string to_json(const Summary& summary);

}  // namespace tidings::cli
