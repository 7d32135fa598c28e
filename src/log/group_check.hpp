#pragma once

#include <map>
#include <string>

#include "log/partition_check.hpp"

namespace tidings::log {

/// Verifies one group's file. `partitions`: what was seen of each that was looked at; `count`: how many the topic has,
/// 0 where that is not known. Its findings stay in `checking`.
Result<> check_group(Checking& checking, Directory& topic, Directory& groups, const std::string& topic_name,
                     const std::string& group, std::uint32_t count, bool durable,
                     const std::map<std::uint32_t, PartitionSeen>& partitions);

}  // namespace tidings::log
