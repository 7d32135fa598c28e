#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "service/troubles.hpp"
#include "tidings/base/log_sink.hpp"
#include "tidings/encryption/keyring.hpp"

namespace tidings::service {

struct Host;

/// What a service seals, and with which keys, by its settings. Thread-safe.
class Sealing final : public Sealer {
 public:
  struct How {
    std::string keys;            ///< as `Keyring::from_text`
    std::string key_file;        ///< instead of them
    std::string types;           ///< globs, with commas between: what is sealed beside what asks for it in its traits
    bool refuses_plain = false;  ///< what is to be sealed and comes in the open is not handled
    Duration reload{};           ///< how often the file is read again; zero: never
  };

  /// Errors: `invalid_setting` where it is said twice, or types are none, and those of `Keyring`.
  Result<> open(How how);
  /// By its traits; not while others use this.
  void add_encrypted_type(std::string_view type);

  [[nodiscard]] bool must_seal(const EnvelopeView& event) const override;
  /// Whether events of that type are sealed, by the setting.
  [[nodiscard]] bool names_type(std::string_view type) const;
  Result<> seal(Envelope& event) const override;
  /// The event as it was before it was sealed, whose payload is in `opened` then; one that is not sealed as it is.
  /// Errors (never): those of `Keyring::open`; `not_authentic` too where one names a key and is not sealed;
  /// `not_sealed` where one came in the open, and such are refused.
  [[nodiscard]] Result<EnvelopeView> open(const EnvelopeView& event, std::string& opened) const;

  /// Why the file of keys could not be read last time: the service keeps those that it has, and could not start again.
  /// Empty: it was.
  [[nodiscard]] std::string trouble() const;

  /// Reads the file again, if it is time; a file that cannot be read changes nothing, and is told of.
  void look(SteadyTime now, const Host& host);

  [[nodiscard]] Keyring keys() const;
  /// Globs, as the setting has them.
  [[nodiscard]] const std::vector<std::string>& types() const { return types_; }

 private:
  std::string key_file_;
  std::vector<std::string> types_;
  std::vector<std::string> encrypted_;  // by their traits
  bool refuses_plain_ = false;
  Duration reload_{};
  SteadyTime looked_{};
  Troubles troubles_;
  std::string unread_;  // why; empty: the file was read
  mutable std::mutex mutex_;
  Keyring keys_;
};

}  // namespace tidings::service
