// What a sealed event is: `datacontenttype` says so, headers say of what and by which key, and the payload is
// nonce ‖ encrypted ‖ tag.
#include <algorithm>
#include <cstdint>

#include "encryption/gcm.hpp"
#include "encryption/keys.hpp"
#include "tidings/base/text.hpp"
#include "tidings/encryption/keyring.hpp"
#include "tidings/event/redact.hpp"

namespace tidings {

namespace {

constexpr std::string_view algorithm = "A256GCM";

void append_number(std::string& out, std::uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>((number >> shift) & 0xffU);
}
void append_text(std::string& out, std::string_view text) {
  append_number(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

/// What is authenticated beside the payload: whose it is, what it is, and what of it is shown to nobody. Frozen: what
/// was sealed once is opened for years.
std::string bound_to(const EnvelopeView& event, std::string_view content_type, std::string_view key_id) {
  std::string bound;
  bound.reserve(256);
  bound += "tidings.sealed.1";
  append_text(bound, algorithm);
  append_text(bound, key_id);
  append_text(bound, event.id);
  append_text(bound, event.source);
  append_text(bound, event.type);
  append_number(bound, event.version);
  append_text(bound, event.key);
  append_text(bound, content_type);
  append_text(bound, event.headers.get(redact_header).value_or(""));
  return bound;
}

/// Of a text; an id has no line feed. Frozen, too.
std::string bound_to(std::string_view key_id, std::string_view context) {
  return std::string(key_id) + "\n" + std::string(context);
}

Error cipher_failed() {
  return {"cipher_failed", "OpenSSL cannot seal it", Retry::same_call};
}
Error too_large() {
  return {"too_large", "more than 1 GiB is not sealed at once"};
}
Error no_key_to_open() {
  return {"no_key", "it is sealed, and there is no key; set encryption.key_file, or encryption.keys"};
}
Error unknown_key(std::string_view id) {
  return {"unknown_key", "it was sealed with key '" + printable(id) +
                             "', which is not among the keys that are here; add it behind the others"};
}

}  // namespace

bool Keyring::must_seal(const EnvelopeView& event) const {
  return is_marked_for_sealing(event);
}

Result<> Keyring::seal(Envelope& event) const {
  const auto view = event.view();
  if (is_sealed(view)) return {};
  if (empty())
    return Error{"no_key", "event " + printable(event.type) +
                               " is to be encrypted, and there is no key; set encryption.key_file, or "
                               "encryption.keys"};
  if (event.payload.size() > encryption::plain_bytes_max) return too_large();
  const auto& key = keys_->all.front();
  auto sealed = encryption::encrypt(key, bound_to(view, event.data_content_type, key.id), event.payload);
  if (!sealed) return cipher_failed();
  event.headers.set(encryption_header, algorithm);
  event.headers.set(encryption_key_header, key.id);
  event.headers.set(sealed_from_header, event.data_content_type);
  event.data_content_type = sealed_content_type;
  event.payload = std::move(*sealed);
  return {};
}

Result<std::string> Keyring::open(const EnvelopeView& event) const {
  if (!is_sealed(event)) return Error{"not_sealed", "the event is not sealed: its payload is as it was published"};
  if (empty()) return no_key_to_open();
  const auto id = seal_key(event);
  const auto* const key = keys_->find(id);
  if (key == nullptr) return unknown_key(id);
  const auto content_type = event.headers.get(sealed_from_header).value_or("");
  const bool is_known = event.headers.get(encryption_header) == algorithm;
  auto plain = is_known ? encryption::decrypt(*key, bound_to(event, content_type, id), event.payload) : std::nullopt;
  if (!plain)
    return Error{"not_authentic", "the payload is not what was sealed with key '" + printable(id) +
                                      "': it was changed on its way, or taken from another event, or another key has "
                                      "this id here"};
  return std::move(*plain);
}

Result<> Keyring::unseal(Envelope& event) const {
  auto plain = open(event.view());
  if (!plain) return std::move(plain).error();
  event.payload = std::move(*plain);
  event.data_content_type = event.headers.get(sealed_from_header).value_or("");
  event.headers.set(encryption_header, encryption_required);
  event.headers.remove(encryption_key_header);
  event.headers.remove(sealed_from_header);
  return {};
}

Result<std::string> Keyring::seal_text(std::string_view plain, std::string_view context) const {
  if (empty()) return Error{"no_key", "there is no key to seal with"};
  if (plain.size() > encryption::plain_bytes_max) return too_large();
  const auto& key = keys_->all.front();
  const auto sealed = encryption::encrypt(key, bound_to(key.id, context), plain);
  if (!sealed) return cipher_failed();
  return key.id + "." + to_base64(*sealed);
}

Result<std::string> Keyring::open_text(std::string_view sealed, std::string_view context) const {
  if (empty()) return no_key_to_open();
  const auto dot = std::min(sealed.find('.'), sealed.size());
  const auto id = sealed.substr(0, dot);
  const auto bytes = from_base64(sealed.substr(std::min(dot + 1, sealed.size())));
  if (!bytes || bytes->size() < encryption::seal_bytes)  // and maybe plain, so that nothing of it is told
    return Error{"not_authentic", "it is no text that was sealed"};
  const auto* const key = keys_->find(id);
  if (key == nullptr) return unknown_key(id);
  auto plain = encryption::decrypt(*key, bound_to(id, context), *bytes);
  if (!plain) return Error{"not_authentic", "it is not what was sealed, or of another context"};
  return std::move(*plain);
}

}  // namespace tidings
