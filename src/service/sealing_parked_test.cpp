// What is parked stays sealed, and what cannot be opened is parked.
#include <atomic>
#include <map>

#include "service/sealing_testing.hpp"
#include "tidings/service/dead_letters.hpp"

namespace tidings::service {
namespace {

using namespace std::chrono_literals;

TEST_F(SealingTest, DeadLettersStaySealedAndAreOpenedWhenTheyAreDrivenAgain) {
  auto& service = make_with_keys();
  std::atomic<bool> is_bad = true;
  Record<std::string> seen;
  service.on("book", {.retry = {.immediate = 1, .delayed = 0}}, [&](const Payment& payment) -> Result<> {
    if (is_bad) return Error{"bad", "it is bad"};
    seen.add(payment.from);
    return {};
  });
  const auto running = start();
  service.publish(Payment{"a"}).or_throw();
  ASSERT_TRUE(eventually([&] { return letters("test.book.dead-letters").size() == 1; })) << lines_.all();
  EXPECT_TRUE(is_sealed(letters("test.book.dead-letters").front().view()));
  EXPECT_EQ(shown_in(), Places{});
  is_bad = false;
  auto desk = DeadLetters::read(*broker_, "test.book").or_throw();
  desk.publish({}, "").or_throw();
  ASSERT_TRUE(seen.wait(1)) << lines_.all();
  EXPECT_EQ(seen.values().front(), iban);
  EXPECT_EQ(shown_in(), Places{});
}

TEST_F(SealingTest, WhatCannotBeOpenedIsParkedAndItsKeyIsNamed) {
  auto& service = make_with_keys({}, new_key);
  Record<std::string> seen;
  service.on("book", {}, [&](const Payment& payment) { seen.add(payment.id); });
  service.on("file", {}, [&](const Batch<Payment>& payments) {
    for (const auto& payment : payments) seen.add(payment.event.id);
  });
  auto unknown = make_envelope(Payment{"unknown"}, {.source = "elsewhere"}).or_throw();
  keyring(old_key).seal(unknown).or_throw();
  auto changed = make_envelope(Payment{"changed"}, {.source = "elsewhere"}).or_throw();
  keyring(new_key).seal(changed).or_throw();
  changed.payload.back() = static_cast<char>(changed.payload.back() ^ 1);
  auto fine = make_envelope(Payment{"fine"}, {.source = "elsewhere"}).or_throw();
  keyring(new_key).seal(fine).or_throw();
  for (const auto& event : {unknown, changed, fine}) publish_raw("payments", event);
  const auto running = start();
  for (const auto* const group : {"test.book", "test.file"}) {
    const auto topic = dead_letters_of(group);
    ASSERT_TRUE(eventually([&] { return letters(topic).size() == 2; })) << lines_.all();
    std::map<std::string, std::string> reasons;
    for (const auto& letter : letters(topic))
      reasons[std::string(letter.headers.get(dead_letter::code).value_or(""))] =
          letter.headers.get(dead_letter::reason).value_or("");
    EXPECT_NE(reasons["unknown_key"].find("'2026'"), std::string::npos) << reasons["unknown_key"];
    EXPECT_TRUE(reasons.contains("not_authentic"));
  }
  ASSERT_TRUE(seen.wait(2)) << lines_.all();
  EXPECT_EQ(seen.values(), (std::vector<std::string>{"fine", "fine"}));
}

}  // namespace
}  // namespace tidings::service
