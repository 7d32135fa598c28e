// Every implementation of the first stage that this processor can run says the same of the same documents.
#include "event/json_parser.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include "tidings/base/entropy.hpp"
#include "tidings/event/json_codec.hpp"

namespace shop {

struct Part {
  std::string name;
  std::optional<double> weight;
  friend bool operator==(const Part&, const Part&) = default;
};
struct Parcel {
  std::string id;
  std::int64_t count = 0;
  std::uint64_t big = 0;
  bool open = false;
  std::vector<Part> parts;
  std::map<std::string, int> tags;
  std::variant<std::monostate, Part, std::string, std::vector<int>> choice;
  friend bool operator==(const Parcel&, const Parcel&) = default;
};

}  // namespace shop

namespace tidings {
namespace {

/// While it lives this thread reads with one implementation.
class With {
 public:
  explicit With(std::string_view implementation) {
    *JsonParser::of_this_thread() = JsonParser(implementation);
    EXPECT_EQ(JsonParser::of_this_thread()->implementation(), implementation);
  }
  ~With() { *JsonParser::of_this_thread() = JsonParser(); }
  With(const With&) = delete;
  With& operator=(const With&) = delete;
};

std::vector<std::string> implementations() {
  std::vector<std::string> names;
  for (const auto* one : simdjson::get_available_implementations())
    if (one->supported_by_runtime_system()) names.push_back(one->name());
  return names;
}

/// Where a document is malformed, they may stumble at different places of it.
std::string outcome(std::string_view json) {
  if (!check_json(json)) {
    EXPECT_FALSE(JsonCodec::decode<shop::Parcel>(json)) << json;
    return "malformed";
  }
  std::string told = "fine ";
  const auto parcel = JsonCodec::decode<shop::Parcel>(json);
  if (!parcel) return told + parcel.error().code + " " + parcel.error().message;
  EXPECT_TRUE(JsonCodec::encode(*parcel, told));
  return told;
}

/// As every implementation sees it, and that is one way.
std::string outcome_by_all(std::string_view json) {
  static const auto names = implementations();
  std::optional<std::string> first;
  for (const auto& name : names) {
    With with(name);
    const auto told = outcome(json);
    if (!first) first = told;
    EXPECT_EQ(told, *first) << name << ": " << json;
  }
  return *first;
}

const std::vector<std::string> documents = {
    R"({"id":"a","count":-12,"big":18446744073709551615,"open":true,"parts":[{"name":"x","weight":1.5},{"name":"\u00e4\ud834\udd1e\n"}]})",
    R"( {"choice":{"value":[1,2,3],"later":[{}], "type":"array" } , "tags":{"a":1,"\"":2}, "later":{"a":[null,1e999]}} )",
    R"({"choice":{"type":"text","value":"\\"},"parts":[{"weight":null},{"weight":-0.0e-3}],"open":false,"more":[[[]],{}]})",
    R"({"id":")" + std::string("\xc3\xa4 \xe2\x82\xac \xf0\x9d\x84\x9e, longer than one block of sixty-four bytes") +
        R"("})",
    "[1,2]",
    "7",
    "\"text\"",
    "null",
    "true"};

TEST(JsonParser, FallbackIsAlwaysThere) {
  const auto names = implementations();
  EXPECT_NE(std::ranges::find(names, "fallback"), names.end());
  EXPECT_EQ(JsonParser("fallback").implementation(), "fallback");
}

TEST(JsonParser, TakesNoneThatTheProcessorLacks) {
  const std::string best(JsonParser().implementation());
  EXPECT_TRUE(simdjson::get_available_implementations()[best]->supported_by_runtime_system());
  for (const auto* one : simdjson::get_available_implementations())
    EXPECT_EQ(JsonParser(one->name()).implementation(), one->supported_by_runtime_system() ? one->name() : best);
  EXPECT_EQ(JsonParser("none such").implementation(), best);
}

TEST(JsonParser, AllReadTheSame) {
  for (const auto& json : documents) EXPECT_EQ(outcome_by_all(json).substr(0, 5), "fine ") << json;
  for (const std::string json : {"",
                                 " ",
                                 "\n\t\r ",
                                 "{",
                                 "}",
                                 "]",
                                 "{\"id\":\"x\"",
                                 "{\"id\":\"x}",
                                 "{\"id\":\"\xff\"}",
                                 "{\"id\":\"\xc3\"}",
                                 "{\"id\":\"\xed\xa0\x80\"}",
                                 "{\"id\":\"\xf4\x90\x80\x80\"}",
                                 "{\"id\":\"\xc0\x80\"}",
                                 "{\"id\":\"a\nb\"}",
                                 "{\"id\":\"a\x01\"}",
                                 "{\"id\":\"a\"}\xc3\xa4",
                                 "{\xc3\xa4:1}",
                                 "{\"id\":1\"a\"}",
                                 "{\"id\":\"a\"\"b\"}",
                                 "{\"count\":1x}",
                                 "{\"count\":1\f}",
                                 "{\"count\":1\"}",
                                 "{\"open\":true\"}",
                                 "{\"id\":\"\\\"}",
                                 "[1\f,2]",
                                 "{\"id\":\"a\"}x",
                                 "{\"id\":\"a\"}{}",
                                 "1 2",
                                 "{'id':1}",
                                 "{\"later\":[}]}",
                                 "{\"later\":nulll}",
                                 "\xef\xbb\xbf{}"})
    EXPECT_EQ(outcome_by_all(json), "malformed") << json;
  EXPECT_EQ(outcome_by_all(std::string("1\0", 2)), "malformed");
  EXPECT_EQ(outcome_by_all(std::string("{}\0", 3)), "malformed");
}

TEST(JsonParser, AllReadTheSameOfDamagedDocuments) {
  static constexpr std::string_view pieces[] = {
      "\"", "\\", "{",  "}",  "[",  "]",     ",",    ":",       " ",    "\f",   "\xff", "\xc3",      "\x01",
      "0",  "-",  "1e", ".5", "00", "1e999", "null", "\\ud800", "true", "fals", "\\u0", "\"type\":", "\"count\":"};
  std::size_t refused = 0;
  for (std::uint64_t seed = 0; seed < 4'000; ++seed) {
    SeededEntropy chance(seed);
    const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(chance.below(bound)); };
    auto json = documents[below(documents.size())];
    for (auto left = 1 + below(3); left > 0; --left) {
      const auto at = below(json.size() + 1);
      switch (below(4)) {
        case 0:
          json.insert(at, pieces[below(std::size(pieces))]);
          break;
        case 1:
          json.erase(at, 1 + below(3));
          break;
        case 2:
          if (at < json.size()) json[at] = static_cast<char>(chance.next());
          break;
        default:
          json.resize(at);
      }
    }
    refused += outcome_by_all(json) == "malformed" ? 1 : 0;
  }
  EXPECT_GT(refused, 2'000U);
}

TEST(JsonParser, DocumentsMayBeOfAnySize) {
  for (const auto& name : implementations()) {
    With with(name);
    // Around what a block, the room at the start and the room that is kept hold; then small again.
    for (const std::size_t size : {1U, 63U, 64U, 65U, 128U, 4095U, 4096U, 4097U, 100'000U, 20'000'000U, 10U}) {
      const auto document = "\"" + std::string(size, 'x') + "\"";
      EXPECT_EQ(JsonCodec::decode<std::string>(document).or_throw().size(), size);
      EXPECT_FALSE(check_json(document.substr(0, size)));
    }
  }
}

TEST(JsonParser, CopiesWhatItChecks) {
  JsonParser parser;
  std::string text = R"(["a"])";
  const auto opened = parser.open(text).or_throw();
  text.assign(text.size(), '"');
  EXPECT_EQ(std::string_view(opened.text, opened.size), R"(["a"])");
  EXPECT_EQ(opened.end - opened.tokens, 3);
  EXPECT_EQ(*opened.end, opened.size);
  EXPECT_EQ(opened.end[1], opened.size);
}

}  // namespace
}  // namespace tidings
