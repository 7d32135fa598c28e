#include "encryption/gcm.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

namespace tidings::encryption {

namespace {

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}
const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// Looked up once: OpenSSL does it again for each `EVP_aes_256_gcm()`, under a lock. It stays to the end.
const EVP_CIPHER* aes_256_gcm() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return cipher;
}

/// One for each thread: to make one costs as much as to seal a small event. It is given its key anew each time.
class CipherContext {
 public:
  CipherContext() : context_(EVP_CIPHER_CTX_new()) {}
  ~CipherContext() { EVP_CIPHER_CTX_free(context_); }
  CipherContext(const CipherContext&) = delete;
  CipherContext& operator=(const CipherContext&) = delete;

  /// Takes key, nonce and what is bound.
  bool begin(bool encrypts, const Key& key, const unsigned char* nonce, std::string_view bound) {
    if (context_ == nullptr || aes_256_gcm() == nullptr || bound.size() > plain_bytes_max) return false;
    const auto* const cipher = is_set_ ? nullptr : aes_256_gcm();
    int size = 0;
    is_set_ = EVP_CipherInit_ex2(context_, cipher, key.bytes.data(), nonce, encrypts ? 1 : 0, nullptr) == 1;
    return is_set_ && EVP_CipherUpdate(context_, nullptr, &size, bytes_of(bound), static_cast<int>(bound.size())) == 1;
  }
  bool run(const unsigned char* in, std::size_t in_size, unsigned char* out) {
    int size = 0;
    return EVP_CipherUpdate(context_, out, &size, in, static_cast<int>(in_size)) == 1 &&
           static_cast<std::size_t>(size) == in_size;
  }
  /// Of a stream cipher nothing is left at the end; the tag is made, or compared.
  bool finish() {
    unsigned char none = 0;
    int size = 0;
    return EVP_CipherFinal_ex(context_, &none, &size) == 1;
  }
  bool get_tag(unsigned char* tag) { return EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_GET_TAG, tag_bytes, tag) == 1; }
  bool set_tag(std::string tag) {
    return EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag.data()) == 1;
  }

 private:
  EVP_CIPHER_CTX* const context_;
  bool is_set_ = false;
};

CipherContext& own_context() {
  static thread_local CipherContext context;
  return context;
}

}  // namespace

Key::~Key() {
  OPENSSL_cleanse(bytes.data(), bytes.size());
}

void wipe(std::string& text) {
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

std::optional<std::string> encrypt(const Key& key, std::string_view bound, std::string_view plain) {
  if (plain.size() > plain_bytes_max) return std::nullopt;
  std::string sealed(plain.size() + seal_bytes, '\0');
  auto* const nonce = bytes_of(sealed);
  auto* const encrypted = nonce + nonce_bytes;
  auto& context = own_context();
  if (RAND_bytes(nonce, nonce_bytes) == 1 && context.begin(true, key, nonce, bound) &&
      context.run(bytes_of(plain), plain.size(), encrypted) && context.finish() &&
      context.get_tag(encrypted + plain.size()))
    return sealed;
  return std::nullopt;
}

std::optional<std::string> decrypt(const Key& key, std::string_view bound, std::string_view sealed) {
  if (sealed.size() < seal_bytes || sealed.size() - seal_bytes > plain_bytes_max) return std::nullopt;
  const auto encrypted = sealed.substr(nonce_bytes, sealed.size() - seal_bytes);
  std::string plain(encrypted.size(), '\0');
  auto& context = own_context();
  if (context.begin(false, key, bytes_of(sealed), bound) &&
      context.run(bytes_of(encrypted), encrypted.size(), bytes_of(plain)) &&
      context.set_tag(std::string(sealed.substr(sealed.size() - tag_bytes))) && context.finish())
    return plain;
  wipe(plain);  // it was decrypted before it was found to be another's
  return std::nullopt;
}

}  // namespace tidings::encryption
