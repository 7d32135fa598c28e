#include "tidings/base/entropy.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/chacha20.hpp"
#include "tidings/base/hex.hpp"

namespace tidings {
namespace {

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const auto byte : bytes) {
    char digits[8];
    write_hex(digits, static_cast<std::uint32_t>(byte));
    text.append(digits + 6, 2);
  }
  return text;
}

TEST(Hex, WritesEveryDigit) {
  for (const std::uint64_t number : {0x0123456789abcdefU, 0xfedcba9876543210U, 0xffff00009a9aa9a9U}) {
    char wanted[17], got[17] = {};
    std::snprintf(wanted, sizeof wanted, "%016llx", static_cast<unsigned long long>(number));
    write_hex(got, number);
    EXPECT_STREQ(got, wanted);
  }
}

// RFC 8439, 2.3.2: block 1 of this key and nonce; it is asked for as the first and as the second of four.
TEST(ChaCha20, KnownAnswer) {
  std::array<std::uint32_t, 8> key;
  for (std::uint32_t i = 0; i < 8; ++i) key[i] = 0x03020100 + i * 0x04040404;
  const std::array<std::uint32_t, 3> nonce{0x09000000, 0x4a000000, 0x00000000};
  const auto* const wanted =
      "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4ed2826446079faa0914c2d705d98b02a2"
      "b5129cd1de164eb9cbd083e8a2503c4e";
  std::array<std::byte, 512> stream;
  chacha20(key, nonce, 1, stream);
  EXPECT_EQ(hex(std::span{stream}.first(64)), wanted);
  const auto after = hex(std::span{stream}.subspan(64, 384));
  chacha20(key, nonce, 0, stream);
  EXPECT_EQ(hex(std::span{stream}.subspan(64, 64)), wanted);
  EXPECT_EQ(hex(std::span{stream}.subspan(128, 384)), after);
}

std::vector<std::uint64_t> drawn(std::size_t count) {
  std::vector<std::uint64_t> numbers;
  while (numbers.size() < count) numbers.push_back(system_entropy().next());
  return numbers;
}

TEST(SystemEntropy, NeverRepeats) {
  std::set<std::uint64_t> all;
  for (const auto number : drawn(20'000)) all.insert(number);  // through many keys
  std::vector<std::uint64_t> others[2];
  {
    std::vector<std::jthread> threads;
    for (auto& mine : others) threads.emplace_back([&mine] { mine = drawn(5'000); });
  }
  for (const auto& mine : others) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 30'000U);
}

/// Wherever in its stretch the parent stands, and for many stretches: what was drawn in one is drawn in no other.
TEST(SystemEntropy, AChildDrawsOtherNumbers) {
  constexpr std::size_t count = 5'000;
  for (const std::size_t before : {0, 1, 50, 123}) {
    std::set<std::uint64_t> all;
    for (const auto number : drawn(before)) all.insert(number);
    std::size_t expected = before;
    for (int child = 0; child < 2; ++child) {
      int ends[2];
      ASSERT_EQ(::pipe(ends), 0);
      const auto pid = ::fork();
      if (pid == 0) {
        const auto numbers = drawn(count);
        const auto bytes = std::as_bytes(std::span{numbers});
        for (std::size_t at = 0; at < bytes.size();) {
          const auto put = ::write(ends[1], bytes.data() + at, bytes.size() - at);
          if (put <= 0) ::_exit(1);
          at += static_cast<std::size_t>(put);
        }
        ::_exit(0);
      }
      ::close(ends[1]);
      std::vector<std::uint64_t> numbers(count);
      const auto bytes = std::as_writable_bytes(std::span{numbers});
      std::size_t at = 0;
      for (ssize_t got = 0; at < bytes.size() && (got = ::read(ends[0], bytes.data() + at, bytes.size() - at)) > 0;)
        at += static_cast<std::size_t>(got);
      ::close(ends[0]);
      ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
      ASSERT_EQ(at, bytes.size());
      all.insert(numbers.begin(), numbers.end());
      expected += count;
    }
    for (const auto number : drawn(count)) all.insert(number);
    EXPECT_EQ(all.size(), expected + count);
  }
}

TEST(SystemEntropy, SetsEveryBitAndFillsAllSizes) {
  std::uint64_t ones = 0, zeros = 0;
  for (const auto number : drawn(1'000)) ones |= number, zeros |= ~number;
  EXPECT_EQ(ones & zeros, ~std::uint64_t{0});
  for (const std::size_t size : {1U, 31U, 256U, 257U, 5'000U}) {
    std::vector<std::byte> bytes(size + 1);
    bool last = false;
    for (int i = 0; i < 100; ++i) {
      system_entropy().fill(std::span{bytes}.first(size));
      last = last || bytes[size - 1] != std::byte{0};
    }
    EXPECT_TRUE(last);
    EXPECT_EQ(bytes[size], std::byte{0}) << "not a byte more";
  }
}

}  // namespace
}  // namespace tidings
