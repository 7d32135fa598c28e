#pragma once

#include <string>

#include "tidings/base/result.hpp"
#include "tidings/encryption/keyring.hpp"
#include "tidings/event/envelope.hpp"

namespace tidings::cli {

/// How events are shown: what their classes mark is masked, and what is sealed stays so, unless something else was
/// asked for. Thread-safe, cheap to copy.
class Showing {
 public:
  Showing() = default;
  Showing(Keyring keys, bool shows_redacted) : keys_(std::move(keys)), shows_redacted_(shows_redacted) {}
  /// `keys_file` empty: as the variables say that services have, TIDINGS_ENCRYPTION__KEY_FILE and
  /// TIDINGS_ENCRYPTION__KEYS; none: what is sealed is not opened. Errors: those of `Keyring`.
  static Result<Showing> make(const std::string& keys_file, bool shows_redacted);

  /// The event as it may be shown. What is made for it stands in `kept`; the event and `kept` outlive the view. One
  /// that was opened says again that it is to be sealed.
  [[nodiscard]] EnvelopeView of(const EnvelopeView& event, Envelope& kept) const;
  [[nodiscard]] bool shows_redacted() const { return shows_redacted_; }

 private:
  Keyring keys_;
  bool shows_redacted_ = false;
};

/// Of an event that `Showing` has left sealed, what there is to say: `sealed with key 2026`.
[[nodiscard]] std::string told_of_seal(const EnvelopeView& event);

}  // namespace tidings::cli
