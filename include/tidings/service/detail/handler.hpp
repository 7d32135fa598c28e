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
    bool is_behind = false;            ///< likewise, since one of its key before it is undecodable
  };

  virtual ~Handler() = default;
  [[nodiscard]] virtual std::span<const EventKind> kinds() const = 0;
  /// Whether `handle` takes more than one item.
  [[nodiscard]] virtual bool takes_batches() const = 0;
  /// Whether it reads payloads itself, which are fetched for it then where they are elsewhere.
  [[nodiscard]] virtual bool decodes() const { return true; }
  /// Whether it is to be given a transaction, of the service's store.
  [[nodiscard]] virtual bool takes_transaction() const { return false; }
  /// Decodes and hands over. The error is the user's; what he throws goes through. `transaction` is there where it
  /// takes one, and the caller's.
  virtual Result<> handle(std::span<Item> items, Transaction* transaction) = 0;
};

}  // namespace tidings::service::detail
