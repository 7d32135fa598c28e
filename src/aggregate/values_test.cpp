// Ids and values: in JSON, as keys, and in messages.
#include <unordered_map>

#include "aggregate/testing.hpp"
#include "tidings/aggregate/value.hpp"

namespace shop {

using CustomerId = tidings::Id<class Customer, tidings::Uuid>;
using SeatId = tidings::Id<struct Seat, std::uint32_t>;

class Email : public tidings::Value<Email, std::string> {
 public:
  using Value::Value;
  static tidings::Result<> check(const std::string& text) {
    if (text.find('@') != text.npos) return {};
    return tidings::Error{"invalid_email", "an address has an @"};
  }
};
class Quantity : public tidings::Value<Quantity, std::int32_t> {
 public:
  using Value::Value;
  static tidings::Result<> check(const std::int32_t& number) {
    if (number > 0) return {};
    return tidings::Error{"invalid_quantity", "it is more than nothing"};
  }
};
struct Registered {
  CustomerId customer;
  SeatId seat;
  std::optional<Email> email;
  Quantity seats = Quantity::of(1);
  std::map<OrderId, int> orders;
  static constexpr tidings::traits<Registered> event{
      .name = "shop.registered", .topic = "customers", .key = tidings::key<&Registered::customer>};
};
struct Mailed {
  Email to = Email::of("nobody@example.org");
  static constexpr tidings::traits<Mailed> event{.name = "shop.mailed", .key = tidings::key<&Mailed::to>};
};

}  // namespace shop

namespace tidings {
namespace {

using shop::CustomerId;
using shop::Email;
using shop::OrderId;
using shop::Quantity;
using shop::Registered;

TEST(Ids, AreTheirTextInJsonAndInKeys) {
  const CustomerId id{Uuid::parse("0192d3c8-7a5e-7cde-8f01-23456789abcd").value()};
  const Registered event{
      .customer = id, .seat = {7}, .email = Email::of("a@b"), .seats = Quantity::of(2), .orders = {{OrderId{"o"}, 1}}};
  std::string json;
  JsonCodec::encode(event, json).or_throw();
  EXPECT_EQ(json,
            R"({"customer":"0192d3c8-7a5e-7cde-8f01-23456789abcd","seat":7,"email":"a@b","seats":2,"orders":{"o":1}})");
  const auto read = JsonCodec::decode<Registered>(json).or_throw();
  EXPECT_EQ(read.customer, id);
  EXPECT_EQ(read.email->value(), "a@b");
  EXPECT_EQ(event_key(event), "0192d3c8-7a5e-7cde-8f01-23456789abcd");
  EXPECT_EQ(event_key(shop::Mailed{}), "nobody@example.org");
  EXPECT_EQ(shop::SeatId{7}.text(), "7");
}

TEST(Ids, AreMadeHashedOrderedAndShown) {
  const auto first = OrderId::make();
  const auto second = OrderId::make();
  EXPECT_LT(first, second);
  EXPECT_TRUE(Uuid::parse(first.value));
  EXPECT_NE(CustomerId::make(), CustomerId::make());
  const std::unordered_map<OrderId, int> by_id{{first, 1}, {second, 2}};
  EXPECT_EQ(by_id.at(second), 2);
  const std::unordered_map<CustomerId, int> by_uuid{{CustomerId::make(), 1}};
  EXPECT_EQ(by_uuid.size(), 1U);
  EXPECT_EQ(::testing::PrintToString(OrderId{"o-1"}), "o-1");
  static_assert(!std::is_convertible_v<OrderId, tidings::Id<class Other>>);
}

TEST(Values, AreRightWhereverTheyAre) {
  EXPECT_EQ(Email::make("a@b").or_throw().value(), "a@b");
  EXPECT_EQ(Email::make("ab").error().code, "invalid_email");
  EXPECT_EQ(Email::of("a@b"), Email::of("a@b"));
  EXPECT_LT(Quantity::of(1), Quantity::of(2));
  const auto wrong = JsonCodec::decode<Registered>(R"({"email":"a@b","seats":0})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, "invalid_quantity");
  EXPECT_NE(wrong.error().message.find("$.seats"), std::string::npos) << wrong.error().message;
  EXPECT_EQ(::testing::PrintToString(Email::of("a@b")), "a@b");
  static_assert(!std::is_default_constructible_v<Email>);
  static_assert(!std::is_constructible_v<Email, std::string>);
}

TEST(ValuesDeathTest, OneThatTheProgramHasWrongIsABug) {
  EXPECT_DEATH((void)Quantity::of(0), "does not pass its own check");
}

}  // namespace
}  // namespace tidings
