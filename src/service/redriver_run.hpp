#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "service/redriver.hpp"
#include "tidings/base/steady.hpp"

namespace tidings::service {

/// A partition in which a request is carried out.
struct Redriver::Target {
  Source* source = nullptr;
  std::uint32_t partition = 0;
  std::uint64_t generation = 0;
  std::uint32_t journal = 0;  // its partition of the topic of dead letters
  std::uint64_t end = 0;      // one past the last letter that is meant
  std::shared_ptr<Consumer> consumer;
  std::uint64_t scanned = 0;  // one past the last entry of it that was looked at
  bool gone = false;          // the hold is over, or is to be
  bool begun = false;
};

struct Redriver::Run {
  const Asked* asked = nullptr;
  std::vector<Target> targets;
  std::unique_ptr<Consumer> reader;
  SteadyTime keep_again{};
  int quiet = 0;  // fetches in a row that gave nothing

  [[nodiscard]] std::vector<DeadWriter::Place> places() const {
    std::vector<DeadWriter::Place> all;
    for (const auto& target : targets) all.emplace_back(target.source, target.partition);
    return all;
  }
};

}  // namespace tidings::service
