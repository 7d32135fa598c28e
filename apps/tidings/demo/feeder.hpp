#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "demo/expected.hpp"
#include "demo/input.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::cli {

/// Which orders are cancelled, and when: drawn by the order's number, since none in a till's file names its order.
struct Cancelling {
  double rate = 0;         ///< part of the orders, from 0 to 1
  std::uint64_t seed = 0;  ///< another one draws others

  /// So many submissions behind its order the cancellation comes: at once for half of them, which meets its checkout
  /// running, and later for the others; none: it does not come.
  [[nodiscard]] std::optional<std::uint64_t> comes_behind(const std::string& order_id) const;
};

/// The till: submits all orders, as often as is said, and cancellations of some of them.
class Feeder {
 public:
  Feeder(const Input& input, std::uint64_t repeat, Cancelling cancelling);

  /// Submits the next `count` orders, with the cancellations that come among them; with the last order all that are
  /// left. `expected`: where what must come of them is noted; may be null. Errors as `Broker::publish`.
  Result<> feed(Broker& broker, const std::string& topic, std::uint64_t count, Expected* expected);

  [[nodiscard]] std::uint64_t fed() const { return fed_; }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::uint64_t cancellations() const { return cancellations_; }  ///< that were fed

 private:
  /// Submission `number` of all, repeats included.
  [[nodiscard]] Submission submission(std::uint64_t number) const;

  const Input& input_;
  Cancelling cancelling_;
  std::string round_mark_;
  std::uint64_t total_ = 0;
  std::uint64_t fed_ = 0;
  std::uint64_t cancellations_ = 0;
  std::multimap<std::uint64_t, std::string> later_;  // orders, by the submission behind which they are cancelled
};

}  // namespace tidings::cli
