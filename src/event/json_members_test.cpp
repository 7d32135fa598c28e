// What members may be beside the plain ones: variants, strong types, maps by other keys, classes with private members.
#include <gtest/gtest.h>

#include "tidings/event/json_codec.hpp"

namespace shop {

struct ByCard {
  std::string number;
  static constexpr tidings::traits<ByCard> event{.name = "shop.by-card", .version = 2};
  friend bool operator==(const ByCard&, const ByCard&) = default;
};
struct ByInvoice {
  int days = 30;
  friend bool operator==(const ByInvoice&, const ByInvoice&) = default;
};
enum class Free { gift, sample };
using Payment = std::variant<std::monostate, ByCard, ByInvoice, Free, bool, std::int64_t, double, std::string,
                             std::vector<std::byte>, std::chrono::milliseconds, tidings::TimePoint, std::vector<int>,
                             std::map<std::string, int>>;
struct Paid {
  Payment by;
};
struct Node {
  std::vector<std::variant<Node, int>> children;
};

using OrderId = tidings::Strong<struct OrderIdTag, std::string>;
struct CustomerId {
  std::uint32_t number = 0;
  static constexpr tidings::strong_type strong{};
  friend auto operator<=>(const CustomerId&, const CustomerId&) = default;
};
struct Wrapped {
  int only = 0;
  friend auto operator<=>(const Wrapped&, const Wrapped&) = default;
};
struct Ids {
  OrderId order;
  CustomerId customer;
  tidings::Offset offset;
  Wrapped wrapped;
  std::optional<CustomerId> maybe;
  std::vector<OrderId> more;
  std::variant<OrderId, CustomerId> either;
  friend bool operator==(const Ids&, const Ids&) = default;
};
struct Maps {
  std::map<OrderId, int> by_strong;
  std::map<int, std::string> by_number;
  std::map<CustomerId, Free> by_strong_number;
  std::map<Free, int> by_enum;
  std::map<std::string, int, std::less<>> transparent;
  friend bool operator==(const Maps&, const Maps&) = default;
};

/// No default constructor, and a rule.
class Money {
 public:
  explicit Money(std::int64_t minor) : minor_(minor) {}
  [[nodiscard]] std::int64_t to_event_data() const { return minor_; }
  static tidings::Result<Money> from_event_data(std::int64_t minor) {
    if (minor < 0) return tidings::Error{"negative_money", "money is not negative"};
    return Money(minor);
  }
  friend auto operator<=>(const Money&, const Money&) = default;

 private:
  std::int64_t minor_;
};
class Account {
 public:
  struct Data {
    std::string owner;
    std::vector<Money> bookings;
  };
  Account() = default;
  Account(std::string owner, std::vector<Money> bookings) : owner_(std::move(owner)), bookings_(std::move(bookings)) {}
  [[nodiscard]] Data to_event_data() const { return {owner_, bookings_}; }
  static Account from_event_data(Data data) { return {std::move(data.owner), std::move(data.bookings)}; }
  friend bool operator==(const Account&, const Account&) = default;

 private:
  std::string owner_;
  std::vector<Money> bookings_;
};
struct Foreign {
  Foreign(int a, int b) : sum(a + b) {}
  int sum;
  friend bool operator==(const Foreign&, const Foreign&) = default;
};
struct Statement {
  Account account;
  Money limit = Money(7);
  std::optional<Money> rebate;
  std::map<std::string, Money> by_name;
  std::variant<std::monostate, Money> last;
  Foreign foreign{0, 0};
  friend bool operator==(const Statement&, const Statement&) = default;
};

}  // namespace shop

template <>
struct tidings::event_data<shop::Foreign> {
  static std::array<int, 1> to(const shop::Foreign& foreign) { return {foreign.sum}; }
  static shop::Foreign from(const std::array<int, 1>& data) { return {data[0], 0}; }
};

namespace tidings {
namespace {

std::string write(const auto& value) {
  std::string out;
  JsonCodec::encode(value, out).or_throw();
  return out;
}
template <class T>
std::string told(std::string_view json) {
  const auto read = JsonCodec::decode<T>(json);
  return read ? "fine" : read.error().code + " " + read.error().message;
}
std::string paid(shop::Payment by) {
  const shop::Paid event{std::move(by)};
  const auto json = write(event);
  EXPECT_EQ(JsonCodec::decode<shop::Paid>(json).or_throw().by, event.by) << json;
  return json;
}

TEST(JsonVariant, TellsItsAlternative) {
  EXPECT_EQ(paid({}), R"({"by":{"type":"null","value":null}})");
  EXPECT_EQ(paid(shop::ByCard{"1"}), R"({"by":{"type":"shop.by-card","value":{"number":"1"}}})");
  EXPECT_EQ(paid(shop::ByInvoice{5}), R"({"by":{"type":"shop.ByInvoice","value":{"days":5}}})");
  EXPECT_EQ(paid(shop::Free::sample), R"({"by":{"type":"shop.Free","value":"sample"}})");
  EXPECT_EQ(paid(true), R"({"by":{"type":"bool","value":true}})");
  EXPECT_EQ(paid(std::int64_t{-7}), R"({"by":{"type":"integer","value":-7}})");
  EXPECT_EQ(paid(0.5), R"({"by":{"type":"number","value":0.5}})");
  EXPECT_EQ(paid(std::string("a\"")), R"({"by":{"type":"text","value":"a\""}})");
  EXPECT_EQ(paid(std::vector{std::byte{255}}), R"({"by":{"type":"bytes","value":"/w=="}})");
  EXPECT_EQ(paid(std::chrono::milliseconds{1500}), R"({"by":{"type":"duration","value":"PT1.500S"}})");
  EXPECT_EQ(paid(TimePoint{}), R"({"by":{"type":"time","value":"1970-01-01T00:00:00Z"}})");
  EXPECT_EQ(paid(std::vector<int>{1, 2}), R"({"by":{"type":"array","value":[1,2]}})");
  EXPECT_EQ(paid(std::map<std::string, int>{{"a", 1}}), R"({"by":{"type":"object","value":{"a":1}}})");
}

TEST(JsonVariant, ReadsMembersInAnyOrder) {
  const auto by = [](std::string_view json) { return JsonCodec::decode<shop::Paid>(json).or_throw().by; };
  EXPECT_EQ(by(R"({"by":{"value":{"days":5},"later":[{}], "type" : "shop.ByInvoice" }})"),
            shop::Payment(shop::ByInvoice{5}));
  EXPECT_EQ(by(R"({"by":{"later":{"type":"bool"},"value":"\u00e4\n","type":"text"}})"), shop::Payment("\xc3\xa4\n"));
  std::string deep = "7";
  for (int level = 0; level < 100; ++level)
    deep = R"({"value":{"children":[)" + deep + R"(,{"value":1,"type":"integer"}]},"type":"shop.Node"})";
  deep = R"({"children":[)" + deep.substr(0, deep.find('7')) + R"({"type":"integer","value":7})" +
         deep.substr(deep.find('7') + 1) + "]}";
  const auto node = JsonCodec::decode<shop::Node>(deep).or_throw();
  ASSERT_EQ(node.children.size(), 1U);
  EXPECT_EQ(JsonCodec::decode<shop::Node>(write(node)).or_throw().children.size(), 1U);
}

TEST(JsonVariant, ErrorsNameThePath) {
  for (const auto& [json, begins] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"({"by":{"type":"cash","value":1}})",
            "unknown_alternative $.by.type: 'cash' is none of null, shop.by-card, shop.ByInvoice"},
           {R"({"by":{"type":"shop.Free","value":"lent"}})", "unknown_enumerator $.by.value: 'lent'"},
           {R"({"by":{"type":"shop.ByInvoice","value":{"days":"5"}}})", "wrong_type $.by.value.days: "},
           {R"({"by":{"value":{"days":"5"},"type":"shop.ByInvoice"}})", "wrong_type $.by.value.days: "},
           {R"({"by":{"type":"null","value":0}})", "wrong_type $.by.value: expected null"},
           {R"({"by":{"value":1}})", "missing_member $.by: there is no member 'type'"},
           {R"({"by":{}})", "missing_member $.by: there is no member 'type'"},
           {R"({"by":{"type":"bool"}})", "missing_member $.by: a variant has a member 'value'"},
           {R"({"by":{"type":1,"value":1}})", "wrong_type $.by.type: expected a text, got a number"},
           {R"({"by":{"type":null,"value":1}})", "wrong_type $.by.type: expected a text, got null"},
           {R"({"by":{"type":"bool","value":true,"value":true}})", "duplicate_member $.by.value"},
           {R"({"by":{"type":"bool","value":true,"type":"bool"}})", "duplicate_member $.by.type"},
           {R"({"by":{"type":"bool","value":true,"more":01}})", "invalid_json $.by.more"},
           {R"({"by":{"more":01,"type":"bool","value":true}})", "invalid_json $.by.more"},
           {R"({"by":{"value":tru,"type":"bool"}})", "invalid_json $.by.value"},
           {R"({"by":{"type":"bool","value":true)", "invalid_json $"},
           {R"({"by":7})", "wrong_type $.by: expected an object, got a number"}}) {
    const auto error = told<shop::Paid>(json);
    EXPECT_TRUE(error.starts_with(begins)) << json << "\n" << error << "\n" << begins;
  }
  EXPECT_FALSE(JsonCodec::decode<shop::Paid>(R"({"by":{"value":[1,2,"type":"bool"}})"));
}

TEST(JsonVariant, ADeepOneIsRefused) {
  std::string deep;
  for (int level = 0; level < 5'000; ++level) deep += R"({"value":{"children":[)";
  EXPECT_FALSE(JsonCodec::decode<shop::Node>(R"({"children":[)" + deep));
  for (int level = 0; level < 5'000; ++level) deep += R"(]},"type":"shop.Node"})";
  EXPECT_EQ(told<shop::Node>(R"({"children":[)" + deep + "]}").substr(0, 8), "too_deep");
}

TEST(JsonStrongType, IsItsMember) {
  const shop::Ids ids{.order = {"o-1"},
                      .customer = {7},
                      .offset = {9},
                      .wrapped = {1},
                      .maybe = shop::CustomerId{8},
                      .more = {{"a"}, {"b"}},
                      .either = shop::CustomerId{3}};
  const auto json = write(ids);
  EXPECT_EQ(json, R"({"order":"o-1","customer":7,"offset":9,"wrapped":{"only":1},"maybe":8,"more":["a","b"],)"
                  R"("either":{"type":"shop.CustomerId","value":3}})");
  EXPECT_EQ(JsonCodec::decode<shop::Ids>(json).or_throw(), ids);
  EXPECT_EQ(JsonCodec::decode<shop::Ids>(R"({"either":{"type":"text","value":"o"}})").or_throw().either,
            (std::variant<shop::OrderId, shop::CustomerId>(shop::OrderId{"o"})));
  EXPECT_TRUE(
      told<shop::Ids>(R"({"customer":{"number":7}})").starts_with("wrong_type $.customer: expected an integer"));
  EXPECT_TRUE(told<shop::Ids>(R"({"customer":4294967296})").starts_with("out_of_range $.customer: "));
}

TEST(JsonMap, TakesKeysThatAreTextsOnTheWire) {
  const shop::Maps maps{.by_strong = {{{"a.b\n"}, 1}},
                        .by_number = {{-1, "x"}, {20, "y"}},
                        .by_strong_number = {{{4}, shop::Free::gift}},
                        .by_enum = {{shop::Free::sample, 3}},
                        .transparent = {{"t", 1}}};
  const auto json = write(maps);
  EXPECT_EQ(json, R"({"by_strong":{"a.b\n":1},"by_number":{"-1":"x","20":"y"},"by_strong_number":{"4":"gift"},)"
                  R"("by_enum":{"sample":3},"transparent":{"t":1}})");
  EXPECT_EQ(JsonCodec::decode<shop::Maps>(json).or_throw(), maps);
  for (const auto* name : {"", " 1", "1 ", "01", "+1", "-0", "1.0", "1e1", "x"})
    EXPECT_TRUE(told<shop::Maps>(R"({"by_number":{")" + std::string(name) + R"(":"x"}})")
                    .starts_with("wrong_type $.by_number."))
        << name;
  EXPECT_TRUE(
      told<shop::Maps>(R"({"by_number":{"2147483648":"x"}})").starts_with("out_of_range $.by_number.2147483648"));
  EXPECT_TRUE(told<shop::Maps>(R"({"by_enum":{"sold":1}})").starts_with("unknown_enumerator $.by_enum.sold: 'sold'"));
  EXPECT_TRUE(told<shop::Maps>(R"({"by_number":{"1":"x","1":"y"}})").starts_with("duplicate_member $.by_number.1"));
}

TEST(JsonData, GoesThroughItsPairOfFunctions) {
  const shop::Statement statement{.account = {"ada", {shop::Money(1), shop::Money(2)}},
                                  .limit = shop::Money(3),
                                  .rebate = shop::Money(4),
                                  .by_name = {{"x", shop::Money(5)}},
                                  .last = shop::Money(6),
                                  .foreign = {7, 1}};
  const auto json = write(statement);
  EXPECT_EQ(json, R"({"account":{"owner":"ada","bookings":[1,2]},"limit":3,"rebate":4,"by_name":{"x":5},)"
                  R"("last":{"type":"shop.Money","value":6},"foreign":[8]})");
  EXPECT_EQ(JsonCodec::decode<shop::Statement>(json).or_throw(), statement);
  EXPECT_EQ(JsonCodec::decode<shop::Statement>("{}").or_throw().limit, shop::Money(7));
  EXPECT_EQ(told<shop::Statement>(R"({"account":{"bookings":[1,-2]}})"),
            "negative_money $.account.bookings[1]: money is not negative");
  EXPECT_EQ(told<shop::Statement>(R"({"last":{"type":"shop.Money","value":-6}})").substr(0, 30),
            "negative_money $.last.value: m");
}

TEST(JsonData, MayBeTheWholeEvent) {
  EXPECT_EQ(write(shop::Money(5)), "5");
  EXPECT_EQ(JsonCodec::decode<shop::Money>("5").or_throw(), shop::Money(5));
  EXPECT_EQ(told<shop::Money>("-5"), "negative_money $: money is not negative");
  const shop::Account account("ada", {shop::Money(1)});
  EXPECT_EQ(JsonCodec::decode<shop::Account>(write(account)).or_throw(), account);
}

template <class T>
struct Only {
  T value{};
};

TEST(JsonChrono, RefusesWhatDoesNotFit) {
  using std::chrono::hours;
  using Small = std::chrono::duration<std::int8_t>;
  using Pico = std::chrono::duration<std::int64_t, std::pico>;
  std::string out;
  EXPECT_EQ(JsonCodec::encode(Only<hours>{hours{3'000'000}}, out).error().code, "out_of_range");
  EXPECT_EQ(JsonCodec::encode(Only<hours>{hours{-3'000'000}}, out).error().code, "out_of_range");
  EXPECT_EQ(JsonCodec::encode(Only<std::chrono::sys_days>{std::chrono::sys_days{std::chrono::days{200'000}}}, out)
                .error()
                .message.substr(0, 8),
            "$.value:");
  for (const double bad : {1e30, -1e30, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_EQ(
        JsonCodec::encode(Only<std::chrono::duration<double>>{std::chrono::duration<double>(bad)}, out).error().code,
        "out_of_range");
  EXPECT_EQ(out, "");
  EXPECT_EQ(write(Only<hours>{hours{2'000'000}}), R"({"value":"PT2000000H"})");
  EXPECT_EQ(write(Only<std::chrono::duration<double>>{std::chrono::duration<double>(1.5)}), R"({"value":"PT1.500S"})");
  EXPECT_EQ(told<Only<Small>>(R"({"value":"PT127S"})"), "fine");
  EXPECT_EQ(told<Only<Small>>(R"({"value":"PT128S"})").substr(0, 21), "out_of_range $.value:");
  EXPECT_EQ(told<Only<Small>>(R"({"value":"-PT129S"})").substr(0, 21), "out_of_range $.value:");
  EXPECT_EQ(told<Only<Pico>>(R"({"value":"PT2000000H"})").substr(0, 21), "out_of_range $.value:");
  const auto day = JsonCodec::decode<Only<std::chrono::sys_days>>(R"({"value":"1969-12-31T23:00:00Z"})").or_throw();
  EXPECT_EQ(day.value.time_since_epoch().count(), -1);
}

}  // namespace
}  // namespace tidings

namespace tidings {
namespace {

struct Session {
  Uuid id;
  std::optional<Uuid> before;
};

TEST(JsonMembers, AUuidIsItsText) {
  const Session session{Uuid::parse("0192d3c8-7a5e-7cde-8f01-23456789abcd").value(), std::nullopt};
  std::string json;
  ASSERT_TRUE(JsonCodec::encode(session, json));
  EXPECT_EQ(json, R"({"id":"0192d3c8-7a5e-7cde-8f01-23456789abcd","before":null})");
  EXPECT_EQ(JsonCodec::decode<Session>(json).or_throw().id, session.id);
  const auto wrong = JsonCodec::decode<Session>(R"({"before":"0192d3c8"})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, "invalid_uuid");
  EXPECT_NE(wrong.error().message.find("$.before"), std::string::npos) << wrong.error().message;
}

}  // namespace
}  // namespace tidings
