#include "tidings/event/json_codec.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

namespace shop {

enum class Status { placed, shipped };
struct Line {
  std::string sku;
  std::int32_t quantity = 1;
  friend bool operator==(const Line&, const Line&) = default;
};
struct Nothing {
  friend bool operator==(const Nothing&, const Nothing&) = default;
};
struct Order {
  std::string id;
  std::vector<Line> lines;
  std::optional<std::string> note;
  std::int64_t total = -1;
  std::uint64_t big = 0;
  double weight = 0.5;
  float small = 0;
  bool paid = false;
  Status status = Status::placed;
  tidings::TimePoint at{};
  std::chrono::milliseconds wait{0};
  std::array<int, 2> pair{};
  std::map<std::string, int> counts;
  std::vector<std::byte> blob;
  std::vector<bool> flags;
  Nothing nothing;
  std::uint8_t tiny = 0;
  static constexpr int not_a_member = 3;
  friend bool operator==(const Order&, const Order&) = default;
};
struct Tree {
  std::vector<Tree> children;
};

}  // namespace shop

namespace tidings {
namespace {

using shop::Order;

std::string write(const auto& value) {
  std::string out;
  JsonCodec::encode(value, out).or_throw();
  return out;
}

Error error_of(std::string_view json) {
  auto read = JsonCodec::decode<Order>(json);
  EXPECT_FALSE(read) << json;
  return read ? Error{} : read.error();
}

TEST(JsonCodec, GoldenText) {
  Order order{.id = "7\"\n\x01", .lines = {{"A", 2}, {}}, .total = -9'007'199'254'740'993};
  order.big = 18'446'744'073'709'551'615U;
  order.at = TimePoint{std::chrono::seconds{1291191960}};
  order.wait = std::chrono::milliseconds{1500};
  order.counts = {{"x", 1}};
  order.blob = {std::byte{0xff}};
  order.flags = {true, false};
  order.status = shop::Status::shipped;
  EXPECT_EQ(
      write(order),
      R"({"id":"7\"\n\u0001","lines":[{"sku":"A","quantity":2},{"sku":"","quantity":1}],"note":null,"total":-9007199254740993,)"
      R"("big":18446744073709551615,"weight":0.5,"small":0,"paid":false,"status":"shipped","at":"2010-12-01T08:26:00Z","wait":"PT1.500S",)"
      R"("pair":[0,0],"counts":{"x":1},"blob":"/w==","flags":[true,false],"nothing":{},"tiny":0})");
  EXPECT_EQ(JsonCodec::decode<Order>(write(order)).or_throw(), order);
}

TEST(JsonCodec, MissingKeepTheirInitialiserAndUnknownAreSkipped) {
  const auto order =
      JsonCodec::decode<Order>(R"( {"later":{"a":[1,{"b":null}],"c":"\u00e4"},"id":"x","also":1.5e3,"huge":1e999} )")
          .or_throw();
  EXPECT_EQ(order.id, "x");
  EXPECT_EQ(order.total, -1);
  EXPECT_EQ(order.weight, 0.5);
}

TEST(JsonCodec, WholeRangeOf64Bits) {
  for (const auto total : {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    Order order;
    order.total = total;
    EXPECT_EQ(JsonCodec::decode<Order>(write(order)).or_throw().total, total);
  }
}

TEST(JsonCodec, TheLargestFloatComesBack) {
  using Limits = std::numeric_limits<float>;
  for (const float small : {Limits::max(), Limits::lowest(), Limits::denorm_min()}) {
    const auto text = write(Order{.small = small});  // 3.4028235e+38, which is more than the largest
    EXPECT_EQ(JsonCodec::decode<Order>(text).or_throw().small, small) << text;
  }
  EXPECT_EQ(error_of(R"({"small":3.4028236e38})").code, "out_of_range");
  EXPECT_EQ(error_of(R"({"small":-3.4028236e38})").code, "out_of_range");
}

/// Made before the thread reads its first document, and so destroyed after the thread's parser.
struct ReadsLate {
  int* read = nullptr;
  ~ReadsLate() {
    if (read != nullptr) *read = JsonCodec::decode<shop::Line>(R"({"quantity":7})").or_throw().quantity;
  }
};

TEST(JsonCodec, ReadsWhenItsThreadIsAboutToEnd) {
  int read = 0;
  std::thread([&] {
    thread_local ReadsLate late;
    late.read = &read;
    EXPECT_TRUE(check_json("1"));
  }).join();
  EXPECT_EQ(read, 7);
}

TEST(JsonCodec, ErrorsNameTheCodeAndThePath) {
  struct Case {
    const char* json;
    const char* code;
    const char* begins;
  };
  for (const auto& [json, code, begins] : std::initializer_list<Case>{
           {R"({"lines":[{"sku":"A"},{"quantity":"2"}]})", "wrong_type",
            "$.lines[1].quantity: expected an integer, got a text"},
           {R"({"total":1.5})", "wrong_type", "$.total: expected an integer, got 1.5"},
           {R"({"total":9223372036854775808})", "out_of_range", "$.total:"},
           {R"({"big":-1})", "out_of_range", "$.big:"},
           {R"({"big":18446744073709551616})", "out_of_range", "$.big:"},
           {R"({"tiny":256})", "out_of_range", "$.tiny:"},
           {R"({"weight":1e999})", "out_of_range", "$.weight:"},
           {R"({"paid":"yes"})", "wrong_type", "$.paid:"},
           {R"({"status":"lost"})", "unknown_enumerator", "$.status: 'lost' is none of placed, shipped"},
           {R"({"at":"yesterday"})", "wrong_type", "$.at:"},
           {R"({"id":null})", "wrong_type", "$.id: expected a text, got null"},
           {R"({"id":"a","id":"b"})", "duplicate_member", "$.id:"},
           {R"({"pair":[1]})", "wrong_type", "$.pair: fewer"},
           {R"({"pair":[1,2,3]})", "wrong_type", "$.pair[2]: more"},
           {R"([])", "wrong_type", "$: expected an object, got an array"},
           {R"(7)", "wrong_type", "$: expected an object, got a number"},
           {"", "invalid_json", "$:"},
           {"{", "invalid_json", "$:"},
           {R"({"id":"x"} {"id":"y"})", "invalid_json", "$:"},
           {R"({"id":"x"}x)", "invalid_json", "$:"},
           {R"({"id":"x",})", "invalid_json", "$:"},
           {R"({"id" "x"})", "invalid_json", "$:"},
           {R"({"later":[1,2})", "invalid_json", "$.later"},
           {R"({"later":tru})", "invalid_json", "$.later"},
           {R"({"later":01})", "invalid_json", "$.later"},
           {R"({"later":"\x"})", "invalid_json", "$.later"},
           {"{\"id\":\"\xff\"}", "invalid_json", "$:"},
           {"{\"id\":\"a\nb\"}", "invalid_json", "$"},
       }) {
    const auto error = error_of(json);
    EXPECT_EQ(error.code, code) << json << " " << error.message;
    EXPECT_TRUE(error.message.starts_with(begins)) << json << " " << error.message;
    EXPECT_EQ(error.retry, Retry::never);
  }
}

TEST(JsonCodec, DepthIsBounded) {
  const auto deep = [](int levels) {
    return R"({"later":)" + std::string(static_cast<std::size_t>(levels), '[') +
           std::string(static_cast<std::size_t>(levels), ']') + "}";
  };
  EXPECT_TRUE(JsonCodec::decode<Order>(deep(400)));
  EXPECT_EQ(error_of(deep(600)).code, "too_deep");
  EXPECT_FALSE(JsonCodec::decode<Order>(deep(10'000)));
  std::string tree;
  for (int i = 0; i < 10'000; ++i) tree += R"({"children":[)";
  EXPECT_FALSE(JsonCodec::decode<shop::Tree>(tree));
}

TEST(JsonCodec, EveryPrefixOfADocumentIsRefused) {
  Order order{.id = "abc", .lines = {{"A", 2}}, .note = "n"};
  const auto json = write(order);
  for (std::size_t size = 0; size < json.size(); ++size)
    EXPECT_FALSE(JsonCodec::decode<Order>(json.substr(0, size))) << size;
}

TEST(JsonCodec, WritesNothingThatIsNoJson) {
  Order order;
  std::string out = "before";
  order.weight = std::nan("");
  auto written = JsonCodec::encode(order, out);
  EXPECT_EQ(written.error().code, "not_finite");
  EXPECT_EQ(written.error().message.substr(0, 9), "$.weight:");
  order.weight = 0;
  order.lines = {{}, {"\xff", 1}};
  written = JsonCodec::encode(order, out);
  EXPECT_EQ(written.error().code, "invalid_utf8");
  EXPECT_EQ(written.error().message.substr(0, 15), "$.lines[1].sku:");
  order.lines.clear();
  order.status = static_cast<shop::Status>(9);
  EXPECT_EQ(JsonCodec::encode(order, out).error().code, "unknown_enumerator");
  EXPECT_EQ(out, "before");
}

TEST(JsonCodec, LooksAtEveryByteOfATextWhereverItStands) {
  for (std::size_t size = 1; size <= 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (const char special : {'"', '\\', '\n', '\x01', '\x1f', ' ', '\x7f', '!', '#', '['}) {
        std::string text(size, 'a');
        text[at] = special;
        std::string wanted;
        append_json_string(wanted, text);
        const auto json = write(shop::Line{text, 1});
        ASSERT_EQ(json, R"({"sku":)" + wanted + R"(,"quantity":1})");
        ASSERT_EQ(JsonCodec::decode<shop::Line>(json).or_throw().sku, text);
      }
      std::string text(size, 'a');
      text[at] = '\xff';
      std::string out;
      ASSERT_FALSE(JsonCodec::encode(shop::Line{text, 1}, out)) << size << " " << at;
      ASSERT_FALSE(JsonCodec::decode<shop::Line>(R"({"sku":")" + text + R"("})")) << size << " " << at;
      text[at] = '\n';
      ASSERT_FALSE(JsonCodec::decode<shop::Line>(R"({"sku":")" + text + R"("})")) << size << " " << at;
      ASSERT_FALSE(JsonCodec::decode<shop::Line>(R"({")" + text + R"(":1})")) << size << " " << at;
    }
  }
}

TEST(Json, ChecksWholeDocuments) {
  for (const auto* good : {"{}", "[]", "1", "\"x\"", "null", " true ", "-0.5e-7", R"({"a":[{},[],null,1e5]})"})
    EXPECT_TRUE(check_json(good)) << good;
  for (const auto* bad : {"", " ", "{", "1 2", "1,2", "nul", "01", "1.", "+1", "{}{}", "[1,]", "'x'", "{a:1}", "\"x",
                          "[1 2]", "1]", "]", "NaN"})
    EXPECT_FALSE(check_json(bad)) << bad;
}

TEST(Json, FindsAMember) {
  EXPECT_EQ(json_member_text(R"({"a":{"id":"no"},"id":"yes","n":-7})", "id").or_throw(), "yes");
  EXPECT_EQ(json_member_text(R"({"n":-7})", "n").or_throw(), "-7");
  EXPECT_EQ(json_member_text(R"({"n":7.5})", "n").error().code, "wrong_type");
  EXPECT_EQ(json_member_text(R"({"n":7})", "m").error().code, "missing_member");
  EXPECT_EQ(json_member_text(R"({"n":7,"m":})", "n").error().code, "invalid_json");
  EXPECT_EQ(json_member_text(R"([7])", "n").error().code, "wrong_type");
}

/// Proves that a codec is a concept: the bytes of a one-member struct, as they are.
struct RawCodec {
  static constexpr std::string_view content_type = "application/octet-stream";
  template <class T>
  static Result<> encode(const T& event, std::string& out) {
    return with_members(event, [&](const std::string& only) -> Result<> {
      out += only;
      return {};
    });
  }
  template <class T>
  static Result<T> decode(std::string_view bytes) {
    return T{std::string(bytes)};
  }
};
struct Note {
  std::string text;
};
static_assert(Codec<RawCodec, Note> && Codec<JsonCodec, Note>);

TEST(Codec, AnotherOnePlugsIn) {
  std::string out;
  ASSERT_TRUE(RawCodec::encode(Note{"raw"}, out));
  EXPECT_EQ(RawCodec::decode<Note>(out).or_throw().text, "raw");
}

}  // namespace
}  // namespace tidings
