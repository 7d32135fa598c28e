#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tidings/event/context.hpp"
#include "tidings/event/detail/event_kind.hpp"
#include "tidings/store/transaction.hpp"

namespace tidings::service::detail {

using tidings::detail::EventKind;

/// A user's handler, whatever it takes.
class Handler {
 public:
  /// One event to be handled.
  struct Item {
    const EnvelopeView* envelope = nullptr;
    Context* context = nullptr;
    std::uint32_t kind = 0;            ///< which of `kinds()` it is
    TimePoint appended{};              ///< when the broker got it
    std::optional<Error> undecodable;  ///< set by `handle`; then the user's handler was not given this one
    bool is_behind = false;            ///< likewise: it is to come by itself, as when one of its key is undecodable
  };

  virtual ~Handler() = default;
  [[nodiscard]] virtual std::span<const EventKind> kinds() const = 0;
  /// Whether `handle` takes more than one item: events of a partition, in their order.
  [[nodiscard]] virtual bool takes_batches() const = 0;
  /// Whether it takes events of several keys at once, in whatever order among one another, those of a key in theirs:
  /// keys are handled in parallel then and wait for themselves alone, as by one that takes no batches, and a
  /// transaction serves many. For handlers with a transaction.
  [[nodiscard]] virtual bool mixes_keys() const { return false; }
  /// Whether it reads payloads itself, which are fetched for it then where they are elsewhere.
  [[nodiscard]] virtual bool decodes() const { return true; }
  /// Whether it is to be given a transaction, of the service's store.
  [[nodiscard]] virtual bool takes_transaction() const { return false; }
  /// Whether it locks each row that it reads before it changes something: its transactions then wait for one another,
  /// on a database that would make one of them begin again.
  [[nodiscard]] virtual bool locks_what_it_reads() const { return false; }
  /// Whether an error says nothing against the event: it waits then, in its order, and the attempt does not count.
  [[nodiscard]] virtual bool waits_after(const Error& /*error*/) const { return false; }
  /// Decodes and hands over. The error is the user's; what he throws goes through. `transaction` is there where it
  /// takes one, and the caller's.
  virtual Result<> handle(std::span<Item> items, Transaction* transaction) = 0;
};

}  // namespace tidings::service::detail
