#pragma once

#include <functional>
#include <map>
#include <string>

#include "tidings/log/verify.hpp"

namespace tidings::cli {

/// What `verify --repair` has to do, and did: gathered from the findings, partition by partition.
class Repairing {
 public:
  explicit Repairing(bool any_file_system) : any_file_system_(any_file_system) {}

  void found(const tidings::log::Finding& finding);

  struct Repaired {
    std::string partition;  ///< `orders/0`
    std::string what;       ///< a sentence without its full stop
  };
  /// Moves the torn tails of what is not damaged to quarantine; tells each to `on_repaired`. What stays as it is is
  /// complained of.
  void run(const std::string& path, const std::function<void(const Repaired&)>& on_repaired);

  [[nodiscard]] bool left_any() const { return left_any_; }
  [[nodiscard]] std::uint64_t repaired() const { return repaired_; }  ///< findings of what is repaired

 private:
  struct Wrong {
    std::uint64_t torn = 0;
    bool is_damaged = false;
  };
  const bool any_file_system_;
  std::map<std::string, Wrong> partitions_;
  std::uint64_t repaired_ = 0;
  bool left_any_ = false;
};

}  // namespace tidings::cli
