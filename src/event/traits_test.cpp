#include "tidings/event/traits.hpp"

#include <gtest/gtest.h>

#include "tidings/event/make_envelope.hpp"

namespace shop {

using OrderId = tidings::Strong<struct OrderIdTag, std::string>;
struct Sku {
  std::uint16_t number = 0;
  static constexpr tidings::strong_type strong{};
};
class Customer {
 public:
  explicit Customer(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] std::string to_event_data() const { return name_; }
  static Customer from_event_data(std::string name) { return Customer(std::move(name)); }

 private:
  std::string name_;
};
struct ByStrong {
  OrderId id;
  static constexpr tidings::traits<ByStrong> event{.key = tidings::key<&ByStrong::id>};
};
struct ByStrongNumber {
  Sku sku;
  static constexpr tidings::traits<ByStrongNumber> event{.key = tidings::key<&ByStrongNumber::sku>};
};
struct ByData {
  Customer customer = Customer("ada");
  static constexpr tidings::traits<ByData> event{.key = tidings::key<&ByData::customer>};
};
struct ByStrongFunction {
  std::string id;
  static OrderId key(const ByStrongFunction& self) { return {self.id + "!"}; }
  static constexpr tidings::traits<ByStrongFunction> event{.key = tidings::key<&ByStrongFunction::key>};
};
/// An event whose members nobody else reaches.
class Opened {
 public:
  Opened() = default;
  explicit Opened(std::string account) : account_(std::move(account)) {}
  [[nodiscard]] std::string to_event_data() const { return account_; }
  static Opened from_event_data(std::string account) { return Opened(std::move(account)); }

 private:
  std::string account_;

 public:
  static constexpr tidings::traits<Opened> event{.name = "shop.opened", .topic = "accounts", .key = &Opened::account_};
};
struct WithData {
  std::string event;
};
class Final final {
 public:
  std::string id;
};

namespace v1 {
struct Price {
  std::int64_t cents = 0;
  static constexpr tidings::traits<Price> event{.name = "shop.price"};
};
}  // namespace v1
namespace v2 {
struct Price {
  std::int64_t minor = 0;
  static constexpr tidings::traits<Price> event{.name = "shop.price", .version = 2};
  static Price upcast(const v1::Price& old) { return {old.cents}; }
};
}  // namespace v2
struct Price {
  std::int64_t minor = 0;
  std::string currency;
  static constexpr tidings::traits<Price> event{.name = "shop.price", .version = 5};
  static tidings::Result<Price> upcast(v2::Price old) {
    if (old.minor < 0) return tidings::Error{"negative_price", "no price is negative"};
    return Price{old.minor, "EUR"};
  }
};

}  // namespace shop

namespace std::chrono {
struct Abroad {
  int number = 0;
};
}  // namespace std::chrono
template <>
struct tidings::event_traits<std::chrono::Abroad> {
  static constexpr tidings::traits<std::chrono::Abroad> event{
      .name = "abroad", .version = 3, .topic = "ports", .key = &std::chrono::Abroad::number};
};

namespace tidings {
namespace {

static_assert(event_name<shop::WithData>() == "shop.WithData" && has_default_name<shop::WithData>);
static_assert(event_name<shop::Final>() == "shop.Final");
static_assert(event_name<std::chrono::Abroad>() == "abroad" && event_version<std::chrono::Abroad>() == 3 &&
              event_topic<std::chrono::Abroad>() == "ports" && has_key<std::chrono::Abroad>);
static_assert(event_topic<shop::Opened>() == "accounts");

TEST(Traits, KeysMayBeStrongTypes) {
  EXPECT_EQ(event_key(shop::ByStrong{{"7"}}), "7");
  EXPECT_EQ(event_key(shop::ByStrongNumber{{65'535}}), "65535");
  EXPECT_EQ(event_key(shop::ByData{}), "ada");
  EXPECT_EQ(event_key(shop::ByStrongFunction{"a"}), "a!");
  EXPECT_EQ(event_key(shop::Opened("x")), "x");
  EXPECT_EQ(event_key(std::chrono::Abroad{-5}), "-5");
}

TEST(Traits, AnEventMayBeAClass) {
  const auto envelope = make_envelope(shop::Opened("x")).or_throw();
  EXPECT_EQ(envelope.type, "shop.opened");
  EXPECT_EQ(envelope.key, "x");
  EXPECT_EQ(envelope.payload, "\"x\"");
  EXPECT_EQ(event_key(decode_event<shop::Opened>(envelope.view()).or_throw()), "x");
}

TEST(Upcast, Chains) {
  const auto read = [](std::uint32_t version, std::string payload) {
    Envelope envelope;
    envelope.type = "shop.price";
    envelope.version = version;
    envelope.payload = std::move(payload);
    return decode_event<shop::Price>(envelope.view());
  };
  const auto newest = read(5, R"({"minor":3,"currency":"CHF"})").or_throw();
  EXPECT_EQ(newest.currency, "CHF");
  const auto first = read(1, R"({"cents":7})").or_throw();
  EXPECT_EQ(first.minor, 7);
  EXPECT_EQ(first.currency, "EUR");
  EXPECT_EQ(read(2, R"({"minor":8})").or_throw().minor, 8);
  EXPECT_EQ(read(2, R"({"minor":-8})").error().code, "negative_price");
  EXPECT_EQ(read(1, R"({"cents":"7"})").error().code, "wrong_type");
  for (const std::uint32_t version : {0U, 3U, 4U, 6U}) EXPECT_EQ(read(version, "{}").error().code, "unknown_version");
  EXPECT_EQ(read(3, "{}").error().message.find("no upcast goes back that far") != std::string::npos, true);
}

}  // namespace
}  // namespace tidings
