#include "tidings/encryption/keyring.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "encryption/gcm.hpp"
#include "encryption/keys.hpp"
#include "tidings/base/text.hpp"

namespace tidings {

namespace {

using encryption::Key;
using encryption::wipe;

constexpr std::size_t file_bytes_max = std::size_t{64} << 10;
constexpr std::size_t id_bytes_max = 64;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const auto begin = text.find_first_not_of(blanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

bool is_id(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= id_bytes_max && std::ranges::all_of(text, is_plain);
}

/// What has the form of a key, raw, as hex or as base64 of any alphabet, stands where an id belongs: ids are told.
bool is_like_key(std::string_view id) {
  constexpr std::size_t as_base64_bare = 43;
  constexpr std::string_view hex = "0123456789abcdefABCDEF";
  return id.size() == as_base64_bare ||
         (id.size() == 2 * encryption::key_bytes && id.find_first_not_of(hex) == id.npos);
}

/// `AAAA…` stands where somebody meant to put a key later.
bool is_placeholder(std::string_view bytes) {
  return std::ranges::all_of(bytes, [&](char c) { return c == bytes.front(); });
}

Error wrong_key(std::size_t number, const std::string& why) {
  return {"invalid_keys", "key " + std::to_string(number) + " of the keyring " + why +
                              "; keys are ID:KEY with commas between, KEY as of `openssl rand -base64 32`"};
}

/// One of `ID:KEY`, into `key`.
Result<> read_key(std::string_view text, std::size_t number, Key& key) {
  const auto colon = text.find(':');
  if (colon == text.npos) return wrong_key(number, "has no id");
  const auto id = trimmed(text.substr(0, colon));
  if (!is_id(id)) return wrong_key(number, "has an id that is not 1 to 64 of A-Z a-z 0-9 _ -");
  if (is_like_key(id)) return wrong_key(number, "has an id that looks like a key, and would be told to all");
  auto bytes = from_base64(trimmed(text.substr(colon + 1)));
  if (!bytes) return wrong_key(number, "is no base64");
  const bool has_size = bytes->size() == key.bytes.size();
  const bool is_key = has_size && !is_placeholder(*bytes);
  if (is_key) std::ranges::copy(*bytes, key.bytes.begin());
  wipe(*bytes);
  if (!has_size) return wrong_key(number, "has not 32 bytes");
  if (!is_key) return wrong_key(number, "is one byte 32 times, and no key");
  key.id = id;
  return {};
}

/// Whether it is a key itself, or `ID:KEY` and what may follow.
bool has_keys(std::string_view text) {
  const auto one = trimmed(text.substr(0, text.find(',')));
  auto bytes = from_base64(one.substr(one.find(':') + 1));
  if (!bytes) return false;
  const bool is_key = bytes->size() == encryption::key_bytes;
  wipe(*bytes);
  return is_key;
}

/// A file's descriptor, closed at the end.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  const int fd_;
};

Error no_file(const std::string& path) {
  return {"no_file", "the keys' file " + printable(path) + " cannot be read: " + std::strerror(errno),
          Retry::same_call};
}

}  // namespace

Keyring::Keyring() : keys_(std::make_shared<const Keys>()) {}
Keyring::Keyring(std::shared_ptr<const Keys> keys) : keys_(std::move(keys)) {}

Result<Keyring> Keyring::from_text(std::string_view text) {
  auto keys = std::make_shared<Keys>();
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (trimmed(line).starts_with('#')) continue;
    for (auto rest = line; !rest.empty();) {
      const auto one = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(one.size() + 1, rest.size()));
      if (trimmed(one).empty()) continue;
      const auto number = keys->all.size() + 1;
      Key key;
      if (auto read = read_key(one, number, key); !read) return read.error();
      if (keys->find(key.id) != nullptr) return wrong_key(number, "has the id of another");
      keys->all.push_back(key);
    }
  }
  return Keyring(std::move(keys));
}

Result<Keyring> Keyring::from_file(const std::string& path) {
  if (has_keys(path))
    return Error{"invalid_keys",
                 "what is given as the name of the keys' file are keys, which are not told here; write them into a "
                 "file, or give them as encryption.keys"};
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat is{};
  if (file.get() < 0 || ::fstat(file.get(), &is) != 0) return no_file(path);
  if (!S_ISREG(is.st_mode)) return Error{"insecure_file", "the keys' file " + printable(path) + " is no file"};
  if ((is.st_mode & (S_IRWXO | S_IWGRP)) != 0)
    return Error{"insecure_file", "the keys' file " + printable(path) +
                                      " may be read or written by others than its owner and group; chmod 600 " +
                                      printable(path)};
  if (is.st_uid != ::geteuid() && is.st_uid != 0)
    return Error{"insecure_file", "the keys' file " + printable(path) + " belongs to user " +
                                      std::to_string(is.st_uid) +
                                      ", who could change it, and neither to that of this process nor to root; chown " +
                                      std::to_string(::geteuid()) + " " + printable(path)};
  std::string text(file_bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const auto why = no_file(path);
      wipe(text);
      return why;
    }
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  auto keys = size > file_bytes_max ? Result<Keyring>(Error{"invalid_keys", "it has more than 64 KiB"})
                                    : from_text(std::string_view(text).substr(0, size));
  wipe(text);
  if (keys && keys->empty())
    return Error{"invalid_keys", "the keys' file " + printable(path) +
                                     " has no keys; a line of it is ID:KEY, KEY as of `openssl rand -base64 32`"};
  if (!keys) return Error{keys.error().code, printable(path) + ": " + keys.error().message, keys.error().retry};
  return keys;
}

bool Keyring::empty() const {
  return keys_->all.empty();
}

std::string_view Keyring::sealing_id() const {
  return empty() ? std::string_view() : std::string_view(keys_->all.front().id);
}

std::vector<std::string> Keyring::ids() const {
  std::vector<std::string> all;
  for (const auto& key : keys_->all) all.push_back(key.id);
  return all;
}

std::vector<std::string> Keyring::ids_gone_since(const Keyring& before) const {
  std::vector<std::string> gone;
  for (const auto& key : before.keys_->all) {
    const auto* const mine = keys_->find(key.id);
    if (mine == nullptr || CRYPTO_memcmp(mine->bytes.data(), key.bytes.data(), key.bytes.size()) != 0)
      gone.push_back(key.id);
  }
  return gone;
}

bool Keyring::has_same_keys(const Keyring& other) const {
  const auto& mine = keys_->all;
  const auto& others = other.keys_->all;
  bool is_same = mine.size() == others.size();
  for (std::size_t at = 0; at < std::min(mine.size(), others.size()); ++at) {
    is_same &= mine[at].id == others[at].id;
    is_same &= CRYPTO_memcmp(mine[at].bytes.data(), others[at].bytes.data(), mine[at].bytes.size()) == 0;
  }
  return is_same;
}

}  // namespace tidings
