// Whatever a value holds, it comes back: random values of every kind of member, from a seed.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "tidings/base/entropy.hpp"
#include "tidings/event/json_codec.hpp"

namespace shop {

enum class Colour { red = -2, green, blue = 9 };
using Id = tidings::Strong<struct IdTag, std::string>;
struct Number {
  std::int16_t value = 0;
  static constexpr tidings::strong_type strong{};
  friend auto operator<=>(const Number&, const Number&) = default;
};
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] std::string to_event_data() const { return text_; }
  static Secret from_event_data(std::string text) { return Secret(std::move(text)); }
  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string text_;
};
struct Point {
  std::int32_t x = 0;
  std::int32_t y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};
struct Everything {
  bool flag = false;
  std::int8_t i8 = 0;
  std::uint8_t u8 = 0;
  std::int16_t i16 = 0;
  std::uint16_t u16 = 0;
  std::int32_t i32 = 0;
  std::uint32_t u32 = 0;
  std::int64_t i64 = 0;
  std::uint64_t u64 = 0;
  long long ll = 0;
  unsigned long long ull = 0;
  float f = 0;
  double d = 0;
  std::string text;
  std::vector<std::byte> bytes;
  Colour colour = Colour::green;
  Point point;
  Id id;
  Number number;
  Secret secret;
  tidings::TimePoint at{};
  std::chrono::sys_seconds at_second{};
  std::chrono::sys_days day{};
  tidings::Duration wait{};
  std::chrono::milliseconds wait_ms{};
  std::chrono::duration<std::int32_t, std::ratio<3600>> wait_hours{};
  std::optional<std::int64_t> maybe;
  std::optional<Point> maybe_point;
  std::vector<std::string> texts;
  std::vector<bool> flags;
  std::vector<Point> points;
  std::vector<std::vector<std::int32_t>> grid;
  std::vector<std::optional<std::string>> gaps;
  std::array<Point, 3> corners{};
  std::map<std::string, std::vector<double>> series;
  std::map<std::int64_t, Colour> by_number;
  std::map<Id, Number> by_id;
  std::map<Colour, std::string> by_colour;
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Point, Colour, Number, Secret,
               std::vector<std::int32_t>, std::map<std::string, Point>>
      choice;
  std::vector<std::variant<Point, std::string>> choices;
  friend bool operator==(const Everything&, const Everything&) = default;
};

}  // namespace shop

namespace tidings {
namespace {

/// Makes values: small, extreme and arbitrary ones alike.
class Maker {
 public:
  explicit Maker(std::uint64_t seed) : entropy_(seed) {}

  void make(bool& out) { out = below(2) == 1; }
  template <std::integral T>
  void make(T& out) {
    switch (below(4)) {
      case 0:
        out = static_cast<T>(below(10));
        break;
      case 1:
        out = std::numeric_limits<T>::max();
        break;
      case 2:
        out = std::numeric_limits<T>::min();
        break;
      default:
        out = static_cast<T>(entropy_.next());
    }
  }
  template <std::floating_point T>
  void make(T& out) {
    do {
      const auto bits = entropy_.next();
      std::memcpy(&out, &bits, sizeof out);
      if (below(3) == 0) out = static_cast<T>(below(1000)) / 8;
    } while (!std::isfinite(out));
  }
  void make(std::string& out) {
    static constexpr std::string_view pieces[] = {"a",  "Z",  "0",  " ",    "\"",   "\\",   "/",
                                                  "\n", "\t", "\b", "\x01", "\x1f", "\x7f", "ä",
                                                  "€",  "𝄞",  "ÿ",  "{",    "]",    ":",    "text that is longer",
                                                  "\0z"};
    out.clear();
    for (auto left = below(14); left > 0; --left) out += pieces[below(std::size(pieces))];
    if (below(4) == 0) out += '\0';
  }
  void make(std::vector<std::byte>& out) {
    out.resize(below(20));
    entropy_.fill(out);
  }
  void make(shop::Colour& out) { out = enumerators<shop::Colour>[below(3)].value; }
  void make(shop::Id& out) { make(out.value); }
  void make(shop::Number& out) { make(out.value); }
  void make(shop::Secret& out) {
    std::string text;
    make(text);
    out = shop::Secret(text);
  }
  template <class Rep, class Period>
  void make(std::chrono::duration<Rep, Period>& out) {
    // Within 292 years, in its own units.
    using D = std::chrono::duration<Rep, Period>;
    const auto most =
        std::chrono::duration_cast<std::chrono::duration<std::int64_t, Period>>(Duration::max()).count() - 1;
    const auto rep_most = std::int64_t{std::numeric_limits<Rep>::max()};
    std::int64_t count = 0;
    make(count);
    if (below(4) == 0) count = static_cast<std::int64_t>(below(5'000'000'000));
    out = D(static_cast<Rep>(count % std::min(most, rep_most)));
  }
  template <class D>
  void make(std::chrono::time_point<std::chrono::system_clock, D>& out) {
    D since{};
    make(since);
    const auto bound = std::chrono::duration_cast<D>(std::chrono::hours{24 * 365 * 290});
    out = std::chrono::time_point<std::chrono::system_clock, D>(since % bound);
  }
  template <class T>
  void make(std::optional<T>& out) {
    if (below(3) == 0)
      out.reset();
    else
      make(out.emplace());
  }
  template <class T>
  void make(std::vector<T>& out) {
    out.clear();
    for (auto left = below(4); left > 0; --left) {
      T one{};
      make(one);
      out.push_back(one);
    }
  }
  template <class T, std::size_t N>
  void make(std::array<T, N>& out) {
    for (auto& one : out) make(one);
  }
  template <class K, class T>
  void make(std::map<K, T>& out) {
    out.clear();
    for (auto left = below(4); left > 0; --left) {
      K key{};
      make(key);
      make(out[key]);
    }
  }
  template <class... Ts>
  void make(std::variant<Ts...>& out) {
    const auto which = below(sizeof...(Ts));
    std::size_t index = 0;
    (void)((index++ == which && (make(out.template emplace<Ts>()), true)) || ...);
  }
  void make(std::monostate&) {}
  template <PlainStruct T>
    requires(!detail::is_array<T> && !detail::is_strong<T>)
  void make(T& out) {
    with_members(out, [&](auto&... members) { (make(members), ...); });
  }

 private:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(entropy_.below(bound)); }
  SeededEntropy entropy_;
};

TEST(JsonRoundTrip, EveryValueComesBack) {
  for (std::uint64_t seed = 0; seed < 4'000; ++seed) {
    Maker maker(seed);
    shop::Everything value;
    maker.make(value);
    std::string json = "before";
    ASSERT_TRUE(JsonCodec::encode(value, json)) << seed;
    json.erase(0, 6);
    ASSERT_TRUE(check_json(json)) << json;
    const auto back = JsonCodec::decode<shop::Everything>(json);
    ASSERT_TRUE(back) << seed << " " << back.error().message << "\n" << json;
    ASSERT_EQ(*back, value) << seed << "\n" << json;
    std::string again;
    ASSERT_TRUE(JsonCodec::encode(*back, again));
    ASSERT_EQ(again, json) << seed;
  }
}

TEST(JsonRoundTrip, ADamagedDocumentIsAnErrorOrAValue) {
  std::size_t refused = 0;
  for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
    Maker maker(seed);
    SeededEntropy chance(seed);
    shop::Everything value;
    maker.make(value);
    std::string json;
    ASSERT_TRUE(JsonCodec::encode(value, json));
    for (auto left = 1 + chance.below(3); left > 0; --left) {
      const auto at = static_cast<std::size_t>(chance.below(json.size()));
      switch (chance.below(4)) {
        case 0:
          json[at] = static_cast<char>(chance.next());
          break;
        case 1:
          json.erase(at, 1 + static_cast<std::size_t>(chance.below(5)));
          break;
        case 2:
          json.insert(at, 1, "{}[]\",:\\0"[chance.below(9)]);
          break;
        default:
          json.insert(at, json.substr(static_cast<std::size_t>(chance.below(json.size())), 8));
      }
      if (json.empty()) json = "{";
    }
    const auto back = JsonCodec::decode<shop::Everything>(json);
    refused += back ? 0 : 1;
    if (!back) {
      EXPECT_TRUE(back.error().message.starts_with("$")) << back.error().message;
      EXPECT_EQ(back.error().retry, Retry::never);
    }
  }
  EXPECT_GT(refused, 1'500U);
}

}  // namespace
}  // namespace tidings
