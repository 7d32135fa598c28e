#include "tidings/broker/types.hpp"

#include <charconv>

#include "tidings/base/text.hpp"

namespace tidings {

namespace {

constexpr std::uint32_t partitions_max = 1024;

}  // namespace

Result<> validate(const TopicOptions& options) {
  if (options.partitions > partitions_max)
    return Error{"invalid_options", "a topic has at most " + std::to_string(partitions_max) + " partitions, not " +
                                        std::to_string(options.partitions)};
  return options.retention ? validate(*options.retention) : Result<>{};
}

Result<> validate(const Retention& retention) {
  constexpr auto age_max = std::chrono::hours{24 * 365 * 100};
  if (retention.age < Duration{} || retention.age > age_max || retention.age % std::chrono::seconds{1} != Duration{})
    return Error{"invalid_options", "the age of a retention is in whole seconds, up to 100 years, not " +
                                        to_text(retention.age) + "; 0 keeps events for ever"};
  return {};
}

Result<> validate(const ConsumerOptions& options) {
  if (options.group.empty()) return {};
  if (auto valid = validate_name("group", options.group); !valid) return valid;
  if (options.in_flight_max == 0)
    return Error{"invalid_options",
                 "in_flight_max is 0: group " + options.group + " would get nothing; allow at least 1"};
  if (options.settle_within <= Duration::zero())
    return Error{"invalid_options",
                 "settle_within of group " + options.group + " leaves no time to settle; give it some"};
  return {};
}

Result<Start> parse_start(std::string_view text) {
  if (text == "earliest") return Start::earliest();
  if (text == "latest") return Start::latest();
  std::uint64_t offset = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
  if (error == std::errc{} && end == text.data() + text.size()) return Start::offset(Offset{offset});
  if (error == std::errc::result_out_of_range && end == text.data() + text.size())
    return Error{"invalid_start", "'" + std::string(text) + "' is too large for an offset; the end is 'latest'"};
  if (const auto time = parse_rfc3339(text)) return Start::time(*time);
  return Error{"invalid_start", "'" + std::string(text) +
                                    "' is no place to start from; write earliest, latest, an offset, or a time such as "
                                    "2024-01-31T12:00:00Z"};
}

}  // namespace tidings
