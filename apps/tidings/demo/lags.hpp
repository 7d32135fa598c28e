#pragma once

#include <cstdint>
#include <string>

#include "demo/services.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::cli {

/// How far a service is, over all that it reads.
struct Progress {
  bool known = false;
  bool held = false;  ///< by a live member, every partition of each
  std::uint64_t handled = 0;
  std::uint64_t lag = 0;
};

/// How far the services are, as the broker has it.
class Lags {
 public:
  Lags(Broker& broker, std::string name_space) : broker_(broker), name_space_(std::move(name_space)) {}

  Result<> look();

  [[nodiscard]] const Progress& of(std::size_t service) const { return progress_[service]; }
  /// Events that were handled, by all of them.
  [[nodiscard]] std::uint64_t handled() const;
  /// Nothing waits for any of them. One that holds no partition yet may still be on its way: a signal would not find
  /// its handler.
  [[nodiscard]] bool is_quiet() const;
  /// Of those with a store, whose checkouts time out where they wait for each other too long: the largest.
  [[nodiscard]] std::uint64_t lag_of_checkouts() const;

 private:
  Broker& broker_;
  std::string name_space_;
  Progress progress_[service_count];
};

}  // namespace tidings::cli
