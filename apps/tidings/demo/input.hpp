#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events.hpp"
#include "tidings/base/result.hpp"

namespace tidings::cli {

/// What is fed to the shop as one event.
struct Submission {
  std::string order_id;
  std::vector<shop::SubmittedLine> lines;
};

struct Input {
  std::vector<Submission> submissions;
  std::uint64_t lines = 0;  ///< the header and blank ones left out
};

/// Reads a CSV file with the columns of the shop's till, an invoice a submission, in the order of their first lines.
/// Only a file that is not such a one is an error: whatever stands in a line comes along, for the shop to reject.
[[nodiscard]] Result<Input> read_orders(const std::string& path);
/// The same from text; `name` stands in messages.
[[nodiscard]] Result<Input> parse_orders(std::string_view text, const std::string& name);

/// What stands between a number and the round of `--repeat`, so that no two orders get one number.
[[nodiscard]] std::string round_mark(const std::vector<Submission>& submissions);

/// Plausible orders, some of them returned later, a few lines dirty; the same for the same seed.
[[nodiscard]] Input make_orders(std::uint64_t count, std::uint64_t seed);

/// The fields of one CSV record; nullopt where its quotes do not match. Not the shop's own: what is to be checked is
/// computed apart from it.
[[nodiscard]] std::optional<std::vector<std::string>> split_record(std::string_view record);

}  // namespace tidings::cli
