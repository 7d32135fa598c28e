#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "rig.hpp"
#include "tests/crash/torture.hpp"

namespace tidings::faults {

/// The program's server, started when it is first asked for, since that may take seconds.
[[nodiscard]] Rig& rig();

/// One topic under load, from its start to the verdict.
class Trial {
 public:
  explicit Trial(LoadOptions options, Durability durability = Durability::durable, bool through_proxy = false);

  /// Fails the test where nothing comes through any more.
  void expect_flow(const std::string& after);
  /// Ends the load, lets the group come to its end, reads all back, and judges. `more`: steps of others. Prints the
  /// figures.
  void conclude(const std::string& name, const std::function<std::vector<Step>()>& more = {});

  [[nodiscard]] const std::string& topic() const { return options_.topic; }
  [[nodiscard]] Broker& broker() { return *broker_; }

 private:
  LoadOptions options_;
  std::unique_ptr<Broker> broker_;
  History history_;
  std::unique_ptr<Load> load_;
};

/// Microseconds from none to `most`, at random.
template <class Chance>
Duration up_to(Duration most, Chance& chance) {
  const auto count = std::chrono::duration_cast<std::chrono::microseconds>(most).count();
  return std::chrono::microseconds{chance() % static_cast<std::uint64_t>(count)};
}

}  // namespace tidings::faults
