#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tidings/broker/in_flight.hpp"

namespace tidings::brokers::kafka {

/// What stands beside a group's position in one partition, in the metadata of the committed offset: so both are one
/// record, and Kafka's tools show it.
struct CommitRecord {
  OutcomeCounts counts;
  std::uint64_t settled_beyond = 0;

  friend bool operator==(const CommitRecord&, const CommitRecord&) = default;
};

/// `tidings1 handled=3 parked=0 expired=0 skipped=0 gaps=0 beyond=2`.
[[nodiscard]] std::string to_text(const CommitRecord& record);
/// What others committed, or a newer version, counts nothing.
[[nodiscard]] CommitRecord parse_commit_record(std::string_view text);

}  // namespace tidings::brokers::kafka
