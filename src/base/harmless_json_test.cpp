#include "tidings/base/harmless_json.hpp"

#include <gtest/gtest.h>

namespace tidings {
namespace {

TEST(HarmlessJson, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(harmless_json("{\"a\":\"x\x7f\"}"), "{\"a\":\"x\\u007F\"}");
  EXPECT_EQ(harmless_json("\"\xC2\x9B"
                          "31m\""),
            "\"\\u009B31m\"");
  EXPECT_EQ(harmless_json("\"\xE2\x80\xAE\""), "\"\\u202E\"");
  EXPECT_EQ(harmless_json("\"\xF3\xA0\x81\x81\""), "\"\\uDB40\\uDC41\"");  // U+E0041, a tag character
}

TEST(HarmlessJson, LeavesEverythingElse) {
  const std::string plain = "{\"a\":[1,2.5e3,null],\"ä€😀\":\"\\u001b \\\\ \\\"\",\t\"b\":{}}\n";
  EXPECT_EQ(harmless_json(plain), plain);
}

}  // namespace
}  // namespace tidings
