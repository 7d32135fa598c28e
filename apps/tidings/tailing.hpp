#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "commands.hpp"
#include "text_form.hpp"
#include "tidings/broker/broker.hpp"

namespace tidings::cli {

/// Prints a topic's events: fetches, writes, and settles what was written.
class Tailing {
 public:
  /// All must live as long as this.
  Tailing(Broker& broker, const Common& common, const TailArguments& arguments);

  /// Until the count, the end, a signal, or an error: as `Broker::subscribe`, `Consumer`, `write_out`.
  Result<> run();

 private:
  Result<Start> start() const;
  Result<bool> has_position();
  Result<> pull(Consumer& consumer);
  /// Prints and settles; those past the end are left to come again.
  Result<> show(Consumer& consumer, const std::vector<Delivery>& deliveries);
  Result<> flush(Consumer& consumer, std::string& out, std::vector<DeliveryId>& printed);
  Result<bool> is_at_end(bool fetched_any);
  Result<bool> group_is_at_end();

  Broker& broker_;
  const Common& common_;
  const TailArguments& arguments_;
  std::string topic_;
  std::string group_;
  TextForm text_;
  std::uint64_t left_;
  std::size_t quiet_ = 0;      // fetches in a row that gave nothing
  std::size_t fruitless_ = 0;  // fetches in a row that gave something, but nothing to print
  // Of each partition: where it ended at the start, and whether this has seen everything before that.
  std::vector<std::uint64_t> ends_;
  std::vector<bool> reached_;
};

}  // namespace tidings::cli
