#include "brokers/kafka/commit_record.hpp"

#include <array>
#include <charconv>

namespace tidings::brokers::kafka {

namespace {

constexpr std::string_view version = "tidings1";
constexpr std::array<std::string_view, 6> names{"handled", "parked", "expired", "skipped", "gaps", "beyond"};

}  // namespace

std::string to_text(const CommitRecord& record) {
  const auto& counts = record.counts;
  const std::array values{counts.handled, counts.parked, counts.expired,
                          counts.skipped, counts.gaps,   record.settled_beyond};
  std::string text(version);
  for (std::size_t index = 0; index < names.size(); ++index)
    text += " " + std::string(names[index]) + "=" + std::to_string(values[index]);
  return text;
}

CommitRecord parse_commit_record(std::string_view text) {
  const auto word = [&] {
    const auto one = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    return one;
  };
  if (word() != version) return {};
  CommitRecord record;
  const std::array values{&record.counts.handled, &record.counts.parked, &record.counts.expired,
                          &record.counts.skipped, &record.counts.gaps,   &record.settled_beyond};
  while (!text.empty()) {
    const auto one = word();
    const auto sign = one.find('=');
    for (std::size_t index = 0; index < names.size() && sign != one.npos; ++index)
      if (one.substr(0, sign) == names[index])
        std::from_chars(one.data() + sign + 1, one.data() + one.size(), *values[index]);
  }
  return record;
}

}  // namespace tidings::brokers::kafka
