#include "demo/input.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <unordered_map>

#include "tidings/base/atomic_file.hpp"
#include "tidings/base/entropy.hpp"
#include "tidings/base/text.hpp"
#include "tidings/base/time.hpp"

namespace tidings::cli {
namespace {

constexpr std::string_view header =
    "invoice_no,stock_code,description,quantity,invoice_time,unit_price,customer_id,country";
constexpr std::size_t file_bytes_max = 512 << 20;  // all of it is kept
constexpr std::size_t line_bytes_max = 64 << 10;
constexpr std::size_t order_bytes_max = 8 << 20;
// A quote that is opened and not closed must not swallow the rest of the file.
constexpr std::size_t record_lines_max = 100;

struct Record {
  std::string_view text;
  std::uint64_t number = 0;  // of its first line
};

std::string_view without_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// Takes a record: a line, or several where line ends stand within quotes.
Record take_record(std::string_view& rest, std::uint64_t& number) {
  const auto first_end = std::min(rest.find('\n'), rest.size() - 1) + 1;
  std::size_t end = first_end;
  std::size_t lines = 1;
  const auto open = [&](std::size_t size) {
    return std::count(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(size), '"') % 2 != 0;
  };
  while (open(end) && end < rest.size() && lines < record_lines_max && end < line_bytes_max) {
    end = std::min(rest.find('\n', end), rest.size() - 1) + 1;
    ++lines;
  }
  if (open(end)) end = first_end, lines = 1;
  const Record record{without_end(rest.substr(0, end)), number + 1};
  number += lines;
  rest.remove_prefix(end);
  return record;
}

shop::SubmittedLine submitted(const Record& record) {
  shop::SubmittedLine line{.number = record.number, .text = std::string(record.text), .problem = {}};
  if (record.text.size() > line_bytes_max) {
    line.problem = "it has " + std::to_string(record.text.size()) + " bytes; the first 1,000 are kept here";
    line.text = printable(record.text.substr(0, 1000));
  } else if (!is_utf8(record.text)) {
    line.problem = "it is not UTF-8; what is not stands here as \\xNN";
    line.text = printable(record.text);
  } else if (record.text.find('\0') != record.text.npos) {
    line.problem = "it has a NUL, which stands here as \\x00";
    line.text = printable(record.text);
  }
  return line;
}

/// An order that is made up.
struct Made {
  struct Line {
    std::uint64_t product = 0;
    std::int64_t quantity = 0;
    std::uint64_t pence = 0;
    std::uint64_t customer = 0;
    const char* country = "";

    [[nodiscard]] std::string text(const std::string& order_id, std::int64_t count, TimePoint time) const;
  };
  std::vector<Line> lines;
};

std::string Made::Line::text(const std::string& order_id, std::int64_t count, TimePoint time) const {
  static constexpr const char* adjectives[] = {"RED", "BLUE", "VINTAGE", "WOODEN", "GLASS", "SMALL", "LARGE", "PAPER"};
  static constexpr const char* nouns[] = {"LANTERN", "MUG",    "CLOCK",    "BASKET",   "CANDLE",
                                          "FRAME",   "TEAPOT", "UMBRELLA", "NOTEBOOK", "CUSHION"};
  char text[256];
  std::snprintf(text, sizeof text, "%s,P%03llu,%s %s,%lld,%s,%llu.%02llu,%llu,%s", order_id.c_str(),
                static_cast<unsigned long long>(product), adjectives[product % 8], nouns[product % 10],
                static_cast<long long>(count), to_rfc3339(time).c_str(), static_cast<unsigned long long>(pence / 100),
                static_cast<unsigned long long>(pence % 100), static_cast<unsigned long long>(customer), country);
  return text;
}

}  // namespace

std::optional<std::vector<std::string>> split_record(std::string_view record) {
  std::vector<std::string> fields;
  std::string field;
  bool quoted = false, was_quoted = false;
  for (std::size_t i = 0; i < record.size(); ++i) {
    const char c = record[i];
    if (quoted) {
      if (c != '"') {
        field += c;
      } else if (i + 1 < record.size() && record[i + 1] == '"') {
        field += '"';
        ++i;
      } else {
        quoted = false;
      }
    } else if (c == ',') {
      fields.push_back(std::move(field));
      field.clear();
      was_quoted = false;
    } else if (c == '"') {
      if (!field.empty() || was_quoted) return std::nullopt;
      quoted = was_quoted = true;
    } else {
      if (was_quoted) return std::nullopt;
      field += c;
    }
  }
  if (quoted) return std::nullopt;
  fields.push_back(std::move(field));
  return fields;
}

Result<Input> parse_orders(std::string_view text, const std::string& name) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::uint64_t number = 0;
  if (text.empty() || take_record(text, number).text != header)
    return Error{"invalid_orders", name + ": the first line must be the header " + std::string(header)};
  Input input;
  std::unordered_map<std::string, std::size_t> by_invoice;
  std::vector<std::size_t> bytes;
  while (!text.empty()) {
    const auto record = take_record(text, number);
    if (record.text.find_first_not_of(" \t\r") == record.text.npos) continue;
    ++input.lines;
    auto line = submitted(record);
    const auto fields = line.problem.empty() ? split_record(record.text) : std::nullopt;
    auto invoice = fields ? fields->front() : std::string();
    if (invoice.empty() || invoice.size() > 64) invoice = "line-" + std::to_string(record.number);
    auto [known, is_new] = by_invoice.try_emplace(invoice, input.submissions.size());
    // An order must fit into an event: what is beyond comes line by line, and is rejected with the reason.
    if (!is_new && bytes[known->second] + line.text.size() > order_bytes_max) {
      line.problem = "its invoice is too large to be one order";
      invoice = "line-" + std::to_string(record.number);
      is_new = true;
      known = by_invoice.try_emplace(invoice, input.submissions.size()).first;
    }
    if (is_new) {
      input.submissions.push_back({.order_id = invoice, .lines = {}});
      bytes.push_back(0);
    }
    bytes[known->second] += line.text.size() + 64;
    input.submissions[known->second].lines.push_back(std::move(line));
  }
  return input;
}

std::string round_mark(const std::vector<Submission>& submissions) {
  std::string mark = "-";
  const auto may_be_marked = [&](const Submission& submission) {
    std::string_view id = submission.order_id;
    const auto digits = id.size() - std::min(id.size(), id.find_last_not_of("0123456789") + 1);
    return digits > 0 && id.substr(0, id.size() - digits).ends_with(mark);
  };
  while (std::ranges::any_of(submissions, may_be_marked)) mark += '-';
  return mark;
}

Result<Input> read_orders(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    return Error{"invalid_orders", path + " is no regular file"};
  if (const auto size = std::filesystem::file_size(path, error); !error && size > file_bytes_max)
    return Error{"invalid_orders", path + " has " + std::to_string(size) + " bytes; the demo reads up to 512 MiB"};
  auto text = read_file(path);
  if (!text) return text.error();
  return parse_orders(*text, path);
}

Input make_orders(std::uint64_t count, std::uint64_t seed) {
  static constexpr const char* countries[] = {"United Kingdom", "United Kingdom", "United Kingdom", "Germany",
                                              "France",         "Norway",         "Ireland"};
  SeededEntropy entropy(seed);
  Input input;
  std::vector<Made> returnable;
  TimePoint time{std::chrono::seconds{1'750'000'000}};
  for (std::uint64_t made = 0; made < count; ++made) {
    time += std::chrono::seconds{entropy.below(600)};
    if (!returnable.empty() && entropy.below(12) == 0) {
      const auto chosen = entropy.below(returnable.size());
      const auto bought = returnable[chosen];
      returnable.erase(returnable.begin() + static_cast<std::ptrdiff_t>(chosen));
      Submission goods{.order_id = "C" + std::to_string(700'000 + made), .lines = {}};
      for (const auto& line : bought.lines)
        goods.lines.push_back(
            {.number = ++input.lines, .text = line.text(goods.order_id, -line.quantity, time), .problem = {}});
      input.submissions.push_back(std::move(goods));
      continue;
    }
    Submission order{.order_id = std::to_string(700'000 + made), .lines = {}};
    Made bought;
    const auto lines = 1 + entropy.below(5);
    const bool dirty = entropy.below(40) == 0;
    for (std::uint64_t i = 0; i < lines; ++i) {
      const auto product = entropy.below(80);
      const auto quantity = dirty && i == 0 ? -3 : static_cast<std::int64_t>(1 + entropy.below(12));
      const auto pence = 25 + entropy.below(2'000);
      bought.lines.push_back({.product = product,
                              .quantity = quantity,
                              .pence = pence,
                              .customer = 12'000 + entropy.below(500),
                              .country = countries[made % 7]});
      order.lines.push_back(
          {.number = ++input.lines, .text = bought.lines.back().text(order.order_id, quantity, time), .problem = {}});
    }
    if (!dirty) returnable.push_back(std::move(bought));
    if (returnable.size() > 30) returnable.erase(returnable.begin());
    input.submissions.push_back(std::move(order));
  }
  return input;
}

}  // namespace tidings::cli
