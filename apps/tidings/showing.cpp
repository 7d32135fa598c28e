#include "showing.hpp"

#include <cstdlib>

#include "commands.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/redact.hpp"

namespace tidings::cli {
namespace {

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Result<Showing> Showing::make(const std::string& keys_file, bool shows_redacted) {
  const auto file = keys_file.empty() ? variable("TIDINGS_ENCRYPTION__KEY_FILE") : keys_file;
  const auto text = variable("TIDINGS_ENCRYPTION__KEYS");
  if (!file.empty() && !text.empty())
    return Error{"invalid_setting",
                 "TIDINGS_ENCRYPTION__KEYS is set, and a file of keys is given too (--keys-file, or "
                 "TIDINGS_ENCRYPTION__KEY_FILE); one of them says the keys"};
  auto keys = file.empty() ? Keyring::from_text(text) : Keyring::from_file(file);
  if (!keys) return keys.error();
  return Showing(std::move(*keys), shows_redacted);
}

EnvelopeView Showing::of(const EnvelopeView& event, Envelope& kept) const {
  auto shown = event;
  if (is_sealed(event) && !keys_.empty()) {
    kept = Envelope(event);
    if (keys_.unseal(kept)) shown = kept.view();
  }
  if (shows_redacted_ || is_sealed(shown) || shown.payload.empty() || shown.headers.empty() ||
      !shown.headers.get(redact_header))
    return shown;
  kept.payload = shown_payload(shown);
  shown.payload = kept.payload;
  return shown;
}

Result<Common> with_showing(Common common) {
  auto made = Showing::make(common.keys_file, common.shows_redacted);
  if (!made) return made.error();
  common.showing = std::move(*made);
  return common;
}

std::string told_of_seal(const EnvelopeView& event) {
  return "sealed with key " + printable(seal_key(event));
}

}  // namespace tidings::cli
