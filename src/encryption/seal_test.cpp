#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <unordered_set>

#include "encryption/gcm.hpp"
#include "testing/servers/keys.hpp"
#include "tidings/event/make_envelope.hpp"
#include "tidings/event/redact.hpp"

namespace tidings {
namespace {

using testing::key_text;
using testing::keyring;

Envelope order() {
  Envelope event;
  event.id = "0191f7a0-0000-7000-8000-000000000001";
  event.source = "shop";
  event.type = "shop.order-placed";
  event.version = 2;
  event.key = "o-7";
  event.data_content_type = "application/json";
  event.headers.set(redact_header, "/address");
  event.payload = R"({"id":"o-7"})";
  return event;
}
Envelope sealed(const Keyring& keys, Envelope event = order()) {
  keys.seal(event).or_throw();
  return event;
}
std::string code_of(const Keyring& keys, const Envelope& event) {
  const auto opened = keys.open(event.view());
  EXPECT_FALSE(opened);
  if (!opened) {
    EXPECT_EQ(opened.error().retry, Retry::never);
  }
  return opened ? "" : opened.error().code;
}

const auto counting = key_text("2026", 0);  // 00 01 02 …

encryption::Key zeros() {
  return {};
}
std::string hex(const char* digits) {
  std::string bytes;
  for (; *digits != '\0'; digits += 2) bytes += static_cast<char>(std::stoi(std::string(digits, 2), nullptr, 16));
  return bytes;
}

// Test cases 13 and 14 of McGrew and Viega, The Galois/Counter Mode of Operation, which NIST refers to.
TEST(Gcm, OpensWhatThePaperHas) {
  const std::string nonce(12, '\0');
  EXPECT_EQ(encryption::decrypt(zeros(), "", nonce + hex("530f8afbc74536b9a963b4f1c4cb738b")), "");
  EXPECT_EQ(
      encryption::decrypt(zeros(), "", nonce + hex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")),
      std::string(16, '\0'));
}

TEST(Seal, WhatIsSealedIsOpenedAndNothingElseIsChanged) {
  const auto keys = keyring(counting);
  for (const auto& payload : {std::string(), std::string(1, '\0'), std::string("{}"), std::string(100'000, 'x')}) {
    auto before = order();
    before.payload = payload;
    const auto event = sealed(keys, before);
    EXPECT_TRUE(is_sealed(event.view()));
    EXPECT_EQ(event.data_content_type, "application/vnd.tidings.sealed");
    EXPECT_EQ(event.headers.get("tidings-encryption"), "A256GCM");
    EXPECT_EQ(event.headers.get("tidings-key"), "2026");
    EXPECT_EQ(event.headers.get("tidings-content-type"), "application/json");
    EXPECT_EQ(event.payload.size(), payload.size() + 28);
    if (payload.size() > 1) {
      EXPECT_EQ(event.payload.find(payload), std::string::npos);
    }
    EXPECT_EQ(keys.open(event.view()).or_throw(), payload);
    EXPECT_EQ(opened_view(event.view(), payload).data_content_type, "application/json");
    auto rest = event;
    rest.payload = before.payload;
    rest.data_content_type = before.data_content_type;
    rest.headers = before.headers;
    EXPECT_EQ(rest, before);
    EXPECT_TRUE(validate(event.view(), 1 << 20));
  }
}

TEST(Seal, UnsealingIsTheInverse) {
  const auto keys = keyring(counting);
  auto event = sealed(keys);
  keys.unseal(event).or_throw();
  auto before = order();
  before.headers.set(encryption_header, encryption_required);  // so that it does not leave in the open now
  EXPECT_EQ(event, before);
  EXPECT_EQ(validate(event.view(), 1 << 20).error().code, "not_sealed");
  EXPECT_EQ(keys.unseal(event).error().code, "not_sealed");
  auto other = sealed(keyring(key_text("2025", 9)));
  const auto as_it_was = other;
  EXPECT_EQ(keys.unseal(other).error().code, "unknown_key");
  EXPECT_EQ(other, as_it_was);
}

// Made by another implementation (pyca/cryptography): what was sealed once is opened for years.
TEST(Seal, TheFormatIsFrozen) {
  auto event = order();
  event.data_content_type = sealed_content_type;
  event.headers.set(encryption_header, "A256GCM");
  event.headers.set(encryption_key_header, "2026");
  event.headers.set(sealed_from_header, "application/json");
  event.payload = from_base64("ZGVmZ2hpamtsbW5vMzm3AlvTdPETVX2VnO+7BkyLBIbortlItRVuGA==").or_throw();
  EXPECT_EQ(keyring(counting).open(event.view()).or_throw(), R"({"id":"o-7"})");
  EXPECT_EQ(keyring(counting)
                .open_text("2026.AAECAwQFBgcICQoLJma3W6Cdo3b9LfKl3psfl/Wd5fCU9px9BHB5FI4YnQ==", "contacts 7 mail")
                .or_throw(),
            "ada@example.org");
}

TEST(Seal, WhoeverSealsTwiceSealsOnce) {
  const auto keys = keyring(counting);
  auto event = sealed(keys);
  const auto once = event;
  keys.seal(event).or_throw();
  EXPECT_EQ(event, once);
}

TEST(Seal, EveryByteCounts) {
  const auto keys = keyring(counting);
  const auto event = sealed(keys);
  for (std::size_t at = 0; at < event.payload.size(); ++at)
    for (const int bit : {0x01, 0x80}) {
      auto changed = event;
      changed.payload[at] = static_cast<char>(changed.payload[at] ^ bit);
      EXPECT_EQ(code_of(keys, changed), "not_authentic") << at;
    }
  for (std::size_t size = 0; size < event.payload.size(); ++size) {
    auto cut = event;
    cut.payload.resize(size);
    EXPECT_EQ(code_of(keys, cut), "not_authentic") << size;
  }
  auto longer = event;
  longer.payload += '\0';
  EXPECT_EQ(code_of(keys, longer), "not_authentic");
}

TEST(Seal, APayloadIsOfItsOwnEventAlone) {
  const auto keys = keyring(counting + "," + key_text("2025", 0));
  const auto event = sealed(keys);
  const auto refused = [&](auto change) {
    auto other = event;
    change(other);
    return code_of(keys, other);
  };
  EXPECT_EQ(refused([](Envelope& e) { e.id.back() = '2'; }), "not_authentic");
  EXPECT_EQ(refused([](Envelope& e) { e.type = "shop.order-cancelled"; }), "not_authentic");
  EXPECT_EQ(refused([](Envelope& e) { e.version = 1; }), "not_authentic");
  EXPECT_EQ(refused([](Envelope& e) { e.source = "mall"; }), "not_authentic");
  EXPECT_EQ(refused([](Envelope& e) { e.key = "o-8"; }), "not_authentic");
  EXPECT_EQ(refused([](Envelope& e) { e.headers.set(sealed_from_header, "text/html"); }), "not_authentic");
  EXPECT_EQ(refused([](Envelope& e) { e.headers.set(encryption_key_header, "2025"); }), "not_authentic")
      << "which has the same bytes";
  EXPECT_EQ(refused([](Envelope& e) { e.headers.set(encryption_header, "none"); }), "not_authentic");
  EXPECT_EQ(refused([](Envelope& e) { e.headers.remove(encryption_header); }), "not_authentic");
  EXPECT_EQ(refused([](Envelope& e) { e.headers.remove(redact_header); }), "not_authentic")
      << "else who carries it could have it shown";
  EXPECT_EQ(refused([](Envelope& e) { e.source += e.type.front(), e.type.erase(0, 1); }), "not_authentic");
  auto moved = order();
  moved.id.back() = '9';
  moved = sealed(keys, moved);
  moved.payload = event.payload;
  EXPECT_EQ(code_of(keys, moved), "not_authentic");
}

TEST(Seal, WhatIsWrittenOnItsWayMayChange) {
  const auto keys = keyring(counting);
  auto event = sealed(keys);
  event.headers.set("tidings-dead-reason", "no stock");
  event.headers.set("expirytime", "2026-11-27T00:00:00Z");
  event.trace_parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  event.correlation_id = "c";
  EXPECT_TRUE(keys.open(event.view()));
}

TEST(Seal, KeysChangeByTheirOrder) {
  const auto old = keyring(key_text("2026", 1));
  const auto both = keyring(key_text("2027", 2) + "," + key_text("2026", 1));
  const auto young = keyring(key_text("2027", 2));
  const auto before = sealed(old);
  const auto after = sealed(both);
  EXPECT_EQ(seal_key(after.view()), "2027");
  EXPECT_TRUE(both.open(before.view()));
  EXPECT_TRUE(young.open(after.view()));
  EXPECT_EQ(code_of(old, after), "unknown_key");
  EXPECT_EQ(code_of(young, before), "unknown_key");
  const auto unknown = young.open(before.view());
  EXPECT_NE(unknown.error().message.find("'2026'"), std::string::npos) << unknown.error().message;
  EXPECT_EQ(code_of(keyring(key_text("2026", 3)), before), "not_authentic");
  EXPECT_EQ(code_of(Keyring(), before), "no_key");
  EXPECT_EQ(code_of(both, order()), "not_sealed");
  auto event = order();
  EXPECT_EQ(Keyring().seal(event).error().code, "no_key");
  EXPECT_EQ(event, order());
}

TEST(Seal, AHostileKeyIdIsOnlyShown) {
  auto event = sealed(keyring(counting));
  event.headers.set(encryption_key_header, "\x1b[2J");
  const auto opened = keyring(counting).open(event.view());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "unknown_key");
  EXPECT_EQ(opened.error().message.find('\x1b'), std::string::npos);
}

// 96 random bits each: with a counter of a thread's, or a generator with too little state, these would meet.
TEST(Seal, ANonceIsUsedOnce) {
  constexpr std::size_t threads = 4;
  constexpr std::size_t each = 250'000;
  const auto keys = keyring(counting);
  std::vector<std::vector<std::string>> seen(threads);
  {
    std::vector<std::jthread> all;
    for (auto& mine : seen)
      all.emplace_back([&] {
        mine.reserve(each);
        for (std::size_t count = 0; count < each; ++count)
          mine.push_back(encryption::encrypt(zeros(), "", "")->substr(0, encryption::nonce_bytes));
      });
  }
  std::unordered_set<std::string> nonces;
  nonces.reserve(threads * each);
  for (const auto& mine : seen) nonces.insert(mine.begin(), mine.end());
  EXPECT_EQ(nonces.size(), threads * each);
}

TEST(Seal, SeveralThreadsShareAKeyring) {
  const auto keys = keyring(key_text("2027", 2) + "," + counting);
  const auto old = sealed(keyring(counting));
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> all;
    for (int thread = 0; thread < 4; ++thread)
      all.emplace_back([&] {
        for (int count = 0; count < 1000; ++count) {
          auto event = order();
          event.payload = std::to_string(count);
          if (!keys.seal(event) || keys.open(event.view()).or_throw() != std::to_string(count)) ++wrong;
          if (!keys.open(old.view())) ++wrong;
          event.payload.back() = static_cast<char>(event.payload.back() ^ 1);
          if (keys.open(event.view())) ++wrong;
        }
      });
  }
  EXPECT_EQ(wrong, 0);
}

TEST(Seal, TextsAreBoundToWhatTheyAreOf) {
  const auto keys = keyring(counting);
  const auto text = keys.seal_text("ada@example.org", "contacts 7 mail").or_throw();
  EXPECT_TRUE(text.starts_with("2026.")) << text;
  EXPECT_NE(text, keys.seal_text("ada@example.org", "contacts 7 mail").or_throw());
  EXPECT_EQ(keys.open_text(text, "contacts 7 mail").or_throw(), "ada@example.org");
  EXPECT_EQ(keys.open_text(text, "contacts 8 mail").error().code, "not_authentic");
  EXPECT_EQ(keys.open_text("2025" + text.substr(4), "contacts 7 mail").error().code, "unknown_key");
  for (const auto* const none : {"", ".", "2026", "2026.", "2026.AAAA", "2026.!", "ada@example.org"})
    EXPECT_FALSE(keys.open_text(none, "contacts 7 mail")) << none;
  EXPECT_EQ(Keyring().seal_text("a", "b").error().code, "no_key");
  EXPECT_EQ(Keyring().open_text(text, "contacts 7 mail").error().code, "no_key");
  for (const auto* const plain : {"DE89370400440532013000", "DE89370400440532013000.", "DE89370400440532013000.AAAA"}) {
    const auto why = keys.open_text(plain, "contacts 7 mail").error();
    EXPECT_EQ(why.code, "not_authentic");
    EXPECT_EQ(why.message.find("DE89"), std::string::npos) << "a column that nobody has sealed yet: " << why.message;
  }
}

struct Secret {
  std::string id;
  static constexpr traits<Secret> event{.name = "test.secret", .encrypted = true};
};
struct Open {
  std::string id;
  static constexpr traits<Open> event{.name = "test.open"};
};

TEST(Seal, TraitsAskForItAndNothingIsValidUntilSomebodyDoesIt) {
  static_assert(is_encrypted<Secret> && !is_encrypted<Open>);
  EXPECT_FALSE(is_marked_for_sealing(make_envelope(Open{"1"}).or_throw().view()));
  auto event = make_envelope(Secret{"1"}, {.source = "test"}).or_throw();
  EXPECT_TRUE(is_marked_for_sealing(event.view()));
  const auto refused = validate(event.view(), 1 << 20);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "not_sealed");
  EXPECT_EQ(refused.error().retry, Retry::never);
  EXPECT_NE(refused.error().message.find("encryption.key"), std::string::npos);
  const auto keys = keyring(counting);
  EXPECT_TRUE(keys.must_seal(event.view()));
  keys.seal(event).or_throw();
  EXPECT_FALSE(keys.must_seal(event.view()));
  EXPECT_TRUE(validate(event.view(), 1 << 20));
  const auto unread = decode_event<Secret>(event.view());
  ASSERT_FALSE(unread);
  EXPECT_EQ(unread.error().code, "unsupported_content");
  EXPECT_NE(unread.error().message.find("sealed with key '2026'"), std::string::npos) << unread.error().message;
  const auto payload = keys.open(event.view()).or_throw();
  EXPECT_EQ(decode_event<Secret>(opened_view(event.view(), payload)).or_throw().id, "1");
}

}  // namespace
}  // namespace tidings
