#pragma once

#include <string>
#include <string_view>

#include "tidings/base/result.hpp"
#include "tidings/event/envelope.hpp"

namespace tidings {

/// The header of an event whose payload is to be encrypted, or is: `encryption_required` until somebody has sealed it,
/// the algorithm afterwards. `validate` refuses the former, so that it never leaves in the open.
inline constexpr std::string_view encryption_header = "tidings-encryption";
inline constexpr std::string_view encryption_required = "required";
/// In place of `required`, in what came from a broker in the open all the same and is passed on as it came: parked, or
/// bridged.
inline constexpr std::string_view encryption_asked_for = "asked-for";
/// The id of the key with which it was sealed.
inline constexpr std::string_view encryption_key_header = "tidings-key";
/// The content type of what was sealed; that of the event is `sealed_content_type` meanwhile.
inline constexpr std::string_view sealed_from_header = "tidings-content-type";
inline constexpr std::string_view sealed_content_type = "application/vnd.tidings.sealed";

/// Whether it has the mark that it is to be sealed before it leaves (`encryption_required`).
[[nodiscard]] inline bool is_marked_for_sealing(const EnvelopeView& event) {
  return !event.headers.empty() && event.headers.get(encryption_header) == encryption_required;
}
/// Whether its payload is sealed.
[[nodiscard]] inline bool is_sealed(const EnvelopeView& event) {
  return event.data_content_type == sealed_content_type;
}
/// The id of the key with which a sealed event was sealed.
[[nodiscard]] inline std::string_view seal_key(const EnvelopeView& event) {
  return event.headers.get(encryption_key_header).value_or("");
}
/// For who passes on what a broker gave him, in the open, with the mark that it be sealed: a raw client wrote it, or an
/// old program. A broker would refuse it, and it has been read by whoever can: so its header says `asked-for` from now
/// on. Never for events of one's own.
inline void mark_as_it_came(Headers& headers) {
  if (headers.get(encryption_header) == encryption_required) headers.set(encryption_header, encryption_asked_for);
}
/// A sealed event with what its payload was: of its content type. `payload` is borrowed.
[[nodiscard]] inline EnvelopeView opened_view(EnvelopeView sealed, std::string_view payload) {
  sealed.data_content_type = sealed.headers.get(sealed_from_header).value_or("");
  sealed.payload = payload;
  return sealed;
}

/// Who seals payloads before their events leave: a `Keyring` (tidings/encryption/keyring.hpp), or a service, by its
/// settings. Thread-safe.
class Sealer {
 public:
  virtual ~Sealer() = default;
  /// Whether this event is to be sealed before it leaves, and is not yet: by its mark, or by what the sealer was told.
  [[nodiscard]] virtual bool must_seal(const EnvelopeView& event) const = 0;
  /// Puts the sealed payload in place of the plain one, whatever `must_seal` says. After an error the event is as it
  /// was. Errors: `no_key` (never), `too_large` (never), `cipher_failed` (same call).
  virtual Result<> seal(Envelope& event) const = 0;

 protected:
  Sealer() = default;
  Sealer(const Sealer&) = default;
  Sealer& operator=(const Sealer&) = default;
};

}  // namespace tidings
