#include "event/json_text.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace tidings {
namespace {

/// As it stands in a document: a quote and padding behind it.
std::string padded(std::string_view text) {
  return std::string(text) + '"' + std::string(64, '\0');
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string out = "before";
  const bool is_right = unescape_json(padded(text).data(), &out);
  EXPECT_EQ(unescape_json(padded(text).data(), nullptr), is_right) << text;
  return is_right ? std::optional(out) : std::nullopt;
}

TEST(JsonText, Unescapes) {
  EXPECT_EQ(unescaped(""), "");
  EXPECT_EQ(unescaped("plain"), "plain");
  EXPECT_EQ(unescaped(R"(\"\\\/\b\f\n\r\t)"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(unescaped(R"(a\u0041\u00e4\u20AC\uffff\ud834\udd1ez)"),
            "aA\xc3\xa4\xe2\x82\xac\xef\xbf\xbf\xf0\x9d\x84\x9ez");
  EXPECT_EQ(unescaped(R"(\u007f\u0080\u07ff\u0800\ud7ff\ue000\ud800\udc00\udbff\udfff)"),
            "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
  EXPECT_EQ(unescaped(R"(\u0000)"), std::string(1, '\0'));
}

TEST(JsonText, RefusesWrongEscapes) {
  for (const auto* text : {R"(\x)",           R"(\a)",           R"(\0)",       R"(\U0041)",       R"(\u)",
                           R"(\u1)",          R"(\u12)",         R"(\u123)",    R"(\u123g)",       R"(\u-123)",
                           R"(\ud800)",       R"(\ud800x)",      R"(\ud800\n)", R"(\ud800\u)",     R"(\ud800\u0041)",
                           R"(\ud800\ud800)", R"(\ud800\ue000)", R"(\udc00)",   R"(\udfff\ud800)", R"(\udc00\udc00)"})
    EXPECT_FALSE(unescaped(text)) << text;
}

TEST(JsonText, EndsAtTheFirstQuote) {
  for (std::size_t size = 0; size < 70; ++size) {
    const std::string text(size, 'x');
    const auto whole = padded(text) + "\"";
    EXPECT_EQ(until_quote(whole.data()), text);
    std::string out(size % 40, 'y');
    assign_padded(out, until_quote(whole.data()));
    EXPECT_EQ(out, text);
    for (std::size_t at = 0; at < size; ++at) {
      auto escaped = whole;
      escaped[at] = '\\';
      EXPECT_EQ(until_quote(escaped.data()).data(), nullptr);
      escaped[at] = '"';
      EXPECT_EQ(until_quote(escaped.data()), text.substr(0, at));
      escaped[at] = '\xa2';  // a quote with the top bit set
      EXPECT_EQ(until_quote(escaped.data()).size(), size);
    }
  }
}

}  // namespace
}  // namespace tidings
