// JSON into an event with members of every kind, and back.
#include "fuzzing.hpp"
#include "tidings/event/json.hpp"
#include "tidings/event/json_codec.hpp"

namespace shop {

enum class Status { placed, shipped };
struct Line {
  std::string sku;
  std::int32_t quantity = 1;
  friend bool operator==(const Line&, const Line&) = default;
};
struct Node {
  std::vector<std::variant<Node, int, std::string, std::monostate>> children;
  friend bool operator==(const Node&, const Node&) = default;
};
class Money {
 public:
  [[nodiscard]] std::int64_t to_event_data() const { return minor_; }
  static tidings::Result<Money> from_event_data(std::int64_t minor) {
    if (minor < 0) return tidings::Error{"negative", "an amount is not negative"};
    Money money;
    money.minor_ = minor;
    return money;
  }
  friend bool operator==(const Money&, const Money&) = default;

 private:
  std::int64_t minor_ = 0;
};
struct Order {
  std::string id;
  std::vector<Line> lines;
  std::optional<std::string> note;
  std::int64_t total = -1;
  std::uint64_t big = 0;
  std::uint8_t tiny = 0;
  double weight = 0.5;
  float small = 0;
  bool paid = false;
  Status status = Status::placed;
  tidings::TimePoint at{};
  std::chrono::milliseconds wait{0};
  std::chrono::duration<double> exact{0};
  std::array<int, 2> pair{};
  std::map<std::string, int> counts;
  std::map<std::int16_t, Status> states;
  std::vector<std::byte> blob;
  std::vector<bool> flags;
  tidings::Strong<struct OrderIdTag, std::string> strong;
  Money price;
  Node tree;
  friend bool operator==(const Order&, const Order&) = default;
};

}  // namespace shop

namespace tidings::fuzzing {

void try_input(Bytes input) {
  const auto json = text_of(input);
  const auto well_formed = check_json(json);
  (void)json_member_text(json, "id").has_value();
  auto order = JsonCodec::decode<shop::Order>(json);
  if (!order) return;
  require(well_formed.has_value(), "what is read is well-formed");
  std::string written;
  require(JsonCodec::encode(*order, written).has_value(), "what was read can be written");
  require(check_json(written).has_value(), "what is written is well-formed");
  auto again = JsonCodec::decode<shop::Order>(written);
  require(again.has_value(), "what is written can be read");
  require(*again == *order, "what is written comes back");
}

std::vector<std::string> seeds() {
  shop::Order order{.id = "7 \"\\\n\xc3\xa4",
                    .lines = {{"a", 1}, {"b", -2}},
                    .note = "n",
                    .big = ~std::uint64_t{0},
                    .weight = 1e-300,
                    .small = 3.5F,
                    .paid = true,
                    .status = shop::Status::shipped,
                    .at = TimePoint{std::chrono::nanoseconds{1'700'000'000'123'456'789}},
                    .wait = std::chrono::milliseconds{90'061'500},
                    .counts = {{"x", 1}},
                    .states = {{-3, shop::Status::placed}},
                    .blob = std::vector<std::byte>(5, std::byte{200}),
                    .flags = {true, false},
                    .strong = decltype(order.strong){"s"}};
  order.tree.children.emplace_back(shop::Node{{1, "t", std::monostate{}}});
  std::vector<std::string> all(2);
  JsonCodec::encode(order, all[0]).or_throw();
  JsonCodec::encode(shop::Order{}, all[1]).or_throw();
  // Short ones, of which a change meets the member that it is of.
  for (const auto* const one :
       {R"({"pair":[1,2]})", R"({"lines":[{"sku":"a","quantity":1}]})", R"({"counts":{"a":1}})",
        R"({"states":{"-3":"placed"}})", R"({"blob":"AAEC"})", R"({"flags":[true]})", R"({"tiny":255,"price":1})",
        R"({"at":"2023-11-14T22:13:20Z","wait":"PT1.5S"})", R"({"small":1e10,"weight":-0.0})",
        R"({"tree":{"children":[{"type":"integer","value":1},{"type":"shop.Node","value":{}}]}})"})
    all.emplace_back(one);
  all.emplace_back(R"( { "later" : [ 1.5e3 , null , {"":[]} ] , "id":"\ud83d\ude00\u0041" } )");
  return all;
}

}  // namespace tidings::fuzzing
