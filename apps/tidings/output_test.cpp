#include "output.hpp"

#include <gmock/gmock.h>

#include "text_form.hpp"

namespace tidings::cli {
namespace {

TEST(Table, AlignsNumbersToTheRightAndEndsNoLineInBlanks) {
  EXPECT_EQ(table({"name", ">events", "kind"}, {{"a", "5", "x"}, {"longer", "12345678", ""}}),
            "name      events  kind\n"
            "a              5  x\n"
            "longer  12345678\n");
}

Delivery delivery(std::string_view key, std::string_view payload) {
  Delivery one;
  one.id = {Partition{3}, Offset{17}, 1};
  one.envelope.type = "shop.order-placed";
  one.envelope.key = key;
  one.envelope.payload = payload;
  one.envelope.time = *parse_rfc3339("2010-12-01T08:26:00Z");
  return one;
}

std::string line_of(const TextForm& form, const Delivery& one) {
  return form.line(one.id, one.envelope);
}

TEST(TextForm, IsOneLineWhateverItShows) {
  EXPECT_EQ(line_of(TextForm(false), delivery("", "{\"a\":1}")),
            "2010-12-01T08:26:00.000Z  3/17  shop.order-placed  -  {\"a\":1}\n");
  EXPECT_EQ(line_of(TextForm(false), delivery("k\n", std::string_view("\x1b[2J\0\xff\n", 7))),
            "2010-12-01T08:26:00.000Z  3/17  shop.order-placed  k\\x0A  \\x1B[2J\\x00\\xFF\\x0A\n");
}

TEST(TextForm, ColoursAreItsOwn) {
  const auto line = line_of(TextForm(true), delivery("\x1b[31m", ""));
  EXPECT_THAT(line, ::testing::HasSubstr("\x1b[33m\\x1B[31m\x1b[0m"));
}

TEST(Names, BelongToTheirNamespace) {
  Common none, blue;
  blue.name_space = "blue";
  EXPECT_EQ(named(none, "orders"), "orders");
  EXPECT_EQ(named(blue, "orders"), "blue.orders");
  EXPECT_EQ(unnamed(blue, "blue.orders"), "orders");
  EXPECT_EQ(unnamed(blue, "green.orders"), "");
  EXPECT_EQ(unnamed(none, "green.orders"), "green.orders");
}

TEST(TextForm, ShowsWhereALargePayloadIs) {
  Envelope envelope;
  envelope.type = "test.scan";
  envelope.key = "k";
  envelope.headers.set("tidings-claim", "00ff\x1b");
  envelope.headers.set("tidings-claim-size", "300000");
  Delivery delivery;
  delivery.envelope = envelope.view();
  EXPECT_THAT(line_of(TextForm(), delivery),
              testing::EndsWith("test.scan  k  [claim check: 300000 bytes in 00ff\\x1B.payload]\n"));
  envelope.payload = "{}";
  delivery.envelope = envelope.view();
  EXPECT_THAT(line_of(TextForm(), delivery), testing::EndsWith("test.scan  k  {}\n")) << "which is no claim";
}

}  // namespace
}  // namespace tidings::cli
