#include "outbox/flight.hpp"

#include <gtest/gtest.h>

#include "outbox/attributes.hpp"
#include "outbox/dialect.hpp"

namespace tidings::outbox {
namespace {

Flying flying(std::int64_t id, std::string topic, std::uint64_t sequence = 0, Fate fate = Fate::open) {
  Flying made{.event = {}, .sequence = sequence, .fate = fate};
  made.event.id = id;
  made.event.topic = std::move(topic);
  return made;
}

TEST(FlightTest, TopicsStandTogetherAndEachEventHasTheNextSequence) {
  Flight flight;
  flight.push_back(flying(5, "b"));
  flight.push_back(flying(6, "a"));
  flight.push_back(flying(7, "b"));
  flight.push_back(flying(9, "a"));
  std::uint64_t next = 100;
  arrange(flight, next);
  EXPECT_EQ(next, 104U);
  EXPECT_EQ(flight_text(flight), "100:6,9,5,7");
}

TEST(FlightTest, WhatIsWrittenIsReadAndWhatIsDecidedIsNotWritten) {
  Flight flight;
  flight.push_back(flying(6, "a", 10));
  flight.push_back(flying(9, "a", 11, Fate::sent));
  flight.push_back(flying(5, "b", 12));
  flight.push_back(flying(7, "b", 13));
  EXPECT_EQ(flight_text(flight), "10:6;12:5,7");
  const std::map<std::int64_t, std::uint64_t> expected{{6, 10}, {5, 12}, {7, 13}};
  EXPECT_EQ(parse_flight("10:6;12:5,7").or_throw(), expected);
  EXPECT_TRUE(parse_flight("").or_throw().empty());
  EXPECT_EQ(flight_text({}), "");
}

TEST(FlightTest, WhatNoRelayWritesIsRefused) {
  for (const auto* const wrong : {"x", "1", "1:", "1:2,", "1:2;;", ":2", "1:2 3", "99999999999999999999:1"})
    EXPECT_EQ(parse_flight(wrong).error().code, "corrupt") << wrong;
}

TEST(AttributesTest, WhatHasNoColumnComesBack) {
  Headers headers;
  headers.set("headers", "of the event");
  headers.set("source", "likewise");
  EnvelopeView in{.source = "s",
                  .subject = "u",
                  .data_content_type = "t",
                  .data_schema = "d",
                  .correlation_id = "c",
                  .causation_id = "a",
                  .trace_parent = "p",
                  .headers = headers.view()};
  const auto encoded = encode_attributes(in);
  EnvelopeView out;
  decode_attributes(encoded, out);
  EXPECT_EQ(Envelope(out), Envelope(in));
  EnvelopeView none;
  decode_attributes(encode_attributes({}), none);
  EXPECT_EQ(Envelope(none), Envelope(EnvelopeView{}));
}

TEST(DialectTest, WordsAreThoseOfTheDatabase) {
  const auto tables = Tables::named("", "x_").or_throw();
  EXPECT_EQ(in_dialect("delete from @keys where part @among($1)", SqlDialect::sqlite, tables),
            "delete from x_outbox_keys where part in (select value from json_each($1))");
  EXPECT_EQ(
      in_dialect("select 1 from @outbox where t < @later($2) @lock", SqlDialect::postgres, tables),
      "select 1 from x_outbox where t < (clock_timestamp() + ($2)::bigint * interval '1 millisecond') for update");
  EXPECT_EQ(
      in_dialect("create index @outbox_by_part on @outbox(part)", SqlDialect::postgres, Tables::named("s").or_throw()),
      "create index tidings_outbox_by_part on \"s\".tidings_outbox(part)");
}

}  // namespace
}  // namespace tidings::outbox
