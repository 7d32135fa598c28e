// Sealing: an event with a payload of 512 bytes, and one of 64 KiB, sealed and opened, beside what OpenSSL takes alone.
#include <openssl/evp.h>

#include <array>
#include <string>

#include "bench.hpp"
#include "tidings/base/text.hpp"
#include "tidings/encryption/keyring.hpp"
#include "tidings/event/make_envelope.hpp"

namespace bench {
namespace {

constexpr std::size_t small = 512;
constexpr std::size_t large = std::size_t{64} << 10;

struct Payment {
  std::string id;
  std::string text;
  static constexpr tidings::traits<Payment> event{.name = "bench.payment", .key = &Payment::id};
};

tidings::Keyring keys() {
  std::string bytes(32, 'k');
  bytes[0] = 'K';
  return tidings::Keyring::from_text("2026:" + tidings::to_base64(bytes)).or_throw();
}
tidings::Envelope event(std::size_t size) {
  auto made = tidings::make_envelope(Payment{"order-17", ""}, {.source = "shop"}).or_throw();
  made.payload.assign(size, 'x');
  return made;
}

/// What both sides do anyhow: an envelope is copied.
template <std::size_t size>
void copy(benchmark::State& state) {
  const auto plain = event(size);
  std::uint64_t bytes = 0;
  std::uint64_t times = 0;
  for (auto _ : state) {
    auto one = plain;
    bytes += one.payload.size();
    benchmark::DoNotOptimize(one.payload.data());
    ++times;
  }
  expect(state, bytes, times * size, "bytes were copied");
}

template <std::size_t size>
void seal(benchmark::State& state) {
  const auto ring = keys();
  const auto plain = event(size);
  tidings::Envelope one;
  std::uint64_t right = 0;
  std::uint64_t times = 0;
  for (auto _ : state) {
    one = plain;
    right += ring.seal(one) ? 1 : 0;
    ++times;
  }
  expect(state, right, times, "events were sealed");
  expect(state, ring.open(one.view()).or_throw() == plain.payload ? 1 : 0, 1, "event comes open as it was");
}

template <std::size_t size>
void open(benchmark::State& state) {
  const auto ring = keys();
  auto sealed = event(size);
  ring.seal(sealed).or_throw();
  const auto view = sealed.view();
  std::uint64_t bytes = 0;
  std::uint64_t times = 0;
  for (auto _ : state) {
    const auto opened = ring.open(view);
    bytes += opened ? opened->size() : 0;
    ++times;
  }
  expect(state, bytes, times * size, "bytes were opened");
}

/// Key, nonce, and one pass, into memory that is there.
template <std::size_t size>
void openssl(benchmark::State& state) {
  const auto plain = event(size).payload;
  std::string sealed(size + 16, '\0');
  std::array<unsigned char, 32> key{1};
  std::array<unsigned char, 12> nonce{};
  auto* const out = reinterpret_cast<unsigned char*>(sealed.data());
  auto* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  auto* const context = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex2(context, cipher, key.data(), nonce.data(), nullptr);
  std::uint64_t right = 0;
  std::uint64_t times = 0;
  for (auto _ : state) {
    ++nonce[times % 12];
    int length = 0;
    int rest = 0;
    right += EVP_EncryptInit_ex2(context, nullptr, key.data(), nonce.data(), nullptr) == 1 &&
                     EVP_EncryptUpdate(context, out, &length, reinterpret_cast<const unsigned char*>(plain.data()),
                                       static_cast<int>(size)) == 1 &&
                     EVP_EncryptFinal_ex(context, out + size, &rest) == 1 &&
                     EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, out + size) == 1
                 ? 1
                 : 0;
    ++times;
  }
  EVP_CIPHER_CTX_free(context);
  EVP_CIPHER_free(cipher);
  expect(state, right, times, "texts were encrypted");
}

template <std::size_t size>
void add(const std::string& name) {
  benchmark::RegisterBenchmark((name + ", copy").c_str(), copy<size>);
  benchmark::RegisterBenchmark((name + ", seal").c_str(), seal<size>);
  benchmark::RegisterBenchmark((name + ", open").c_str(), open<size>);
  benchmark::RegisterBenchmark((name + ", openssl").c_str(), openssl<size>);
}

Row row(const std::string& size, const std::string& what) {
  return {.label = size + ", " + what,
          .ours = {size + ", " + what},
          .peers = {{"OpenSSL alone", {size + ", openssl"}}, {"not sealed", {size + ", copy"}}}};
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  using namespace bench;
  return run(argc, argv,
             {.name = "seal",
              .add_benchmarks =
                  [] {
                    add<small>("512 bytes");
                    add<large>("64 KiB");
                  },
              .tables = {{.title = "Sealing, an event with AES-256-GCM",
                          .rows = {row("512 bytes", "seal"), row("512 bytes", "open"), row("64 KiB", "seal"),
                                   row("64 KiB", "open")},
                          .note = "OpenSSL alone: key and nonce are set and one pass is made, into memory that is "
                                  "there; without a random "
                                  "nonce, headers, and what is bound. Not sealed: the envelope is copied."}}});
}
