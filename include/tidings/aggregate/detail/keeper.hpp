#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tidings/event/envelope.hpp"
#include "tidings/outbox/enqueue.hpp"
#include "tidings/outbox/tables.hpp"
#include "tidings/store/store.hpp"

/// Aggregates without their types: what their templates hand to what knows the tables.
namespace tidings::aggregate::detail {

/// What is to be known of a type of aggregate.
struct Kind {
  std::string name;
  std::uint32_t state_version = 1;
  std::int64_t state_shape = 0;
  Result<> (*encode)(const void* state, std::string& json) = nullptr;
  /// Errors: what the codec says; the state is as before then.
  Result<> (*decode)(void* state, const EnvelopeView& json) = nullptr;
  /// False: it is none of its events. Null where it is kept by its state alone.
  Result<bool> (*apply)(void* state, const EnvelopeView& event) = nullptr;
  std::string (*id)(const void* state) = nullptr;
};

/// One save.
struct Saving {
  std::string_view id;
  const void* state = nullptr;
  std::uint64_t was = 0;  ///< its version as it was loaded; 0: it is new
  std::uint64_t becomes = 0;
  std::span<const Envelope> events{};
};

/// Where aggregates of a type are. Thread-safe.
class Keeper {
 public:
  virtual ~Keeper() = default;
  /// Into `state`, which is new. The version; none: there is no such aggregate.
  virtual Result<std::optional<std::uint64_t>> load(Transaction& tx, std::string_view id, void* state) const = 0;
  virtual Result<> save(Transaction& tx, const Saving& saving) const = 0;
  virtual Result<> remove(Transaction& tx, std::string_view id, std::uint64_t version) const = 0;
};

[[nodiscard]] std::shared_ptr<const Keeper> keep_states(Kind kind, const outbox::Tables& tables, Clock& clock);
/// `snapshot_every`: events; 0: never.
[[nodiscard]] std::shared_ptr<const Keeper> keep_events(Kind kind, const outbox::Tables& tables, Clock& clock,
                                                        std::uint32_t snapshot_every);

[[nodiscard]] Error conflict(std::string_view kind, std::string_view id, std::uint64_t version);
[[nodiscard]] Error exists(std::string_view kind, std::string_view id);
[[nodiscard]] Error unknown(std::string_view kind, std::string_view id);

/// Saves, and puts the events into the outbox; `topics` has that of each. An error fails the transaction.
Result<> save(Transaction& tx, const Keeper& keeper, std::string_view kind, const Saving& saving,
              std::span<const std::string_view> topics, const outbox::EnqueueOptions& options, bool removes = false);

/// Runs `attempt` in transactions of its own, until one commits or fails otherwise than by a conflict.
Result<> in_transactions(Store& store, Duration within, int attempts_max, Entropy& entropy,
                         const std::function<Result<>(Transaction&)>& attempt);

}  // namespace tidings::aggregate::detail
