#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/result.hpp"
#include "tidings/event/sealer.hpp"

namespace tidings {

/// Keys that seal payloads of events, and texts, with AES-256-GCM (NIST SP 800-38D): who has none of them can neither
/// read nor change what is sealed. The first key seals, all of them open. Thread-safe, and cheap to copy: copies share
/// the keys, which are wiped with the last of them.
///
/// Nonces are random, so one key is for 2^32 sealings at most; then another is to stand first. docs/encryption.md tells
/// how keys are changed.
class Keyring final : public Sealer {
 public:
  /// Without keys.
  Keyring();
  Keyring(const Keyring&) = default;
  Keyring& operator=(const Keyring&) = default;

  /// `ID:KEY`, between commas or one a line: an id is 1 to 64 of A-Z a-z 0-9 `_` `-`, a key 32 bytes in base64;
  /// blanks around them, empty lines and those that begin with `#` do not count. Of an empty text: without keys. Error
  /// `invalid_keys` (never), which shows no key.
  [[nodiscard]] static Result<Keyring> from_text(std::string_view text);
  /// The same from a file of 64 KiB at most, of the process's user or root, which nobody but its owner and group may
  /// read, and nobody but its owner write. Errors: `invalid_keys`, also where it has none, `insecure_file` (never),
  /// `no_file` (same call).
  [[nodiscard]] static Result<Keyring> from_file(const std::string& path);

  [[nodiscard]] bool empty() const;
  /// Of the key that seals; empty without keys.
  [[nodiscard]] std::string_view sealing_id() const;
  /// In their order: the sealing one first.
  [[nodiscard]] std::vector<std::string> ids() const;
  /// Of the keys of `before` that are not here, or under whose ids others are.
  [[nodiscard]] std::vector<std::string> ids_gone_since(const Keyring& before) const;
  /// Whether both have the same keys in the same order. It takes as long wherever they differ.
  [[nodiscard]] bool has_same_keys(const Keyring& other) const;

  /// Whether the event has the mark.
  [[nodiscard]] bool must_seal(const EnvelopeView& event) const override;
  /// The payload becomes a nonce, the encrypted payload and a tag, 28 bytes more; id, type, version, source, key,
  /// content type and what is to be redacted are authenticated with it, so that it is of no use in another event. They
  /// must not change afterwards; other members and headers may. What is sealed already stays as it is.
  Result<> seal(Envelope& event) const override;
  /// The payload of a sealed event. Errors (never): `not_sealed`, `no_key`: there are no keys at all, `unknown_key`: it
  /// was sealed with one that is not here, which the message names, `not_authentic`: it is not what was sealed, or in
  /// another event.
  [[nodiscard]] Result<std::string> open(const EnvelopeView& event) const;
  /// The inverse of `seal`: the event with its payload and content type, and the mark that it is to be sealed, so that
  /// who publishes it again does not do so in the open. After an error it is as it was. Errors: as of `open`.
  Result<> unseal(Envelope& event) const;

  /// A text, as for a column of a database: `ID.BASE64`. `context` says what it is and whose; it opens with the same
  /// alone. Errors: as of `seal`.
  [[nodiscard]] Result<std::string> seal_text(std::string_view plain, std::string_view context) const;
  /// Errors: as of `open`.
  [[nodiscard]] Result<std::string> open_text(std::string_view sealed, std::string_view context) const;

  /// The keys, which only the room knows.
  struct Keys;

 private:
  explicit Keyring(std::shared_ptr<const Keys> keys);

  std::shared_ptr<const Keys> keys_;
};

}  // namespace tidings
