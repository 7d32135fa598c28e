#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tidings/aggregate/detail/keeper.hpp"

namespace tidings::aggregate {

/// The row of an aggregate, as it is read.
struct Head {
  std::int64_t version = 0;
  std::optional<std::string> state;
  std::int64_t state_at = 0;
  std::uint32_t state_version = 1;
  std::int64_t state_shape = 0;
};

/// The rows of aggregates: one for each, of whichever kind it is. Who writes it has the aggregate to himself until his
/// transaction ends. Thread-safe.
class Heads {
 public:
  Heads(const detail::Kind& kind, const outbox::Tables& tables, Clock& clock);

  [[nodiscard]] Result<std::optional<Head>> read(Transaction& tx, std::string_view id) const;
  /// From the version that it was to the one that it becomes; `state` where that is to be kept too. Errors `exists`,
  /// `conflict`.
  Result<> write(Transaction& tx, const detail::Saving& saving, const std::optional<std::string>& state) const;
  /// Error `conflict`.
  Result<> remove(Transaction& tx, std::string_view id, std::uint64_t version) const;

  /// The state of a row into `state`.
  [[nodiscard]] Result<> decode(const Head& head, void* state) const;

 private:
  [[nodiscard]] std::int64_t now() const { return clock_->now().time_since_epoch().count(); }

  detail::Kind kind_;
  Clock* clock_;
  std::string read_;
  std::string insert_;
  std::string update_;
  std::string update_version_;
  std::string remove_;
};

/// `error`, with the aggregate that it is about.
[[nodiscard]] Error about(Error error, std::string_view kind, std::string_view id);
/// What was loaded says that it is another than was asked for.
[[nodiscard]] Result<> check_id(const detail::Kind& kind, std::string_view id, const void* state);

}  // namespace tidings::aggregate
