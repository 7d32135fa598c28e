#include "tidings/event/cloud_events.hpp"

#include <gtest/gtest.h>

#include "tidings/base/entropy.hpp"
#include "tidings/event/json.hpp"

namespace tidings {
namespace {

Envelope full() {
  Envelope e;
  e.id = "018f";
  e.type = "shop.OrderPlaced";
  e.source = "orders";
  e.subject = "s";
  e.data_content_type = "application/json";
  e.data_schema = "https://example.org/schema";
  e.key = "key \"1\"";
  e.correlation_id = "c";
  e.causation_id = "k";
  e.trace_parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  e.time = TimePoint{std::chrono::seconds{1291191960}};
  e.version = 2;
  e.headers.set("Tenant", "\xc3\xa4\x01");
  e.payload = R"({"a": [1, {"b":"]}"}], "n":9007199254740993})";
  return e;
}

TEST(CloudEventsJson, GoldenText) {
  EXPECT_EQ(
      to_cloud_event_json(full().view(), CloudEventPlace{{3}, {9'007'199'254'740'993U}}),
      R"({"specversion":"1.0","id":"018f","source":"orders","type":"shop.OrderPlaced","subject":"s","time":"2010-12-01T08:26:00Z",)"
      R"("datacontenttype":"application/json","dataschema":"https://example.org/schema","partitionkey":"key \"1\"","correlationid":"c",)"
      R"("causationid":"k","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","tidingsversion":2,"tidingspartition":3,)"
      "\"tidingsoffset\":\"9007199254740993\",\"tidingsheaders\":\"{\\\"Tenant\\\":\\\"\xc3\xa4\\\\u0001\\\"}\","
      R"("data":{"a": [1, {"b":"]}"}], "n":9007199254740993}})");
}

TEST(CloudEventsJson, ComesBackWhole) {
  EXPECT_EQ(from_cloud_event_json(to_cloud_event_json(full().view(), CloudEventPlace{})).or_throw(), full());
}

TEST(CloudEventsJson, EveryPayloadComesBack) {
  SeededEntropy entropy(11);
  for (int i = 0; i < 3'000; ++i) {
    auto e = full();
    e.payload.assign(entropy.below(40), '\0');
    entropy.fill(std::as_writable_bytes(std::span{e.payload}));
    if (i % 3 == 0) e.data_content_type = "application/octet-stream";
    if (i % 3 == 1) e.data_content_type = "text/plain", e.payload = "text \"" + std::to_string(i) + "\n";
    ASSERT_EQ(from_cloud_event_json(to_cloud_event_json(e.view())).or_throw(), e);
  }
  for (const auto* json :
       {"1", "\"a\"", "null", "true", "[]", "{}", "[[1],\"}\"]", "-0.5e3", "1e999", "{\"a\":[-1e999]}"}) {
    auto e = full();
    e.payload = json;
    const auto text = to_cloud_event_json(e.view());
    EXPECT_NE(text.find(std::string("\"data\":") + json), text.npos) << text;
    ASSERT_EQ(from_cloud_event_json(text).or_throw(), e) << json;
  }
}

TEST(CloudEventsJson, IsOneLineOfValidJson) {
  auto e = full();
  e.payload = "{\n  \"a\":\r\n1}";
  const auto json = to_cloud_event_json(e.view());
  EXPECT_EQ(json.find('\n'), json.npos);
  EXPECT_TRUE(check_json(json));
  e.payload = "{\"a\":";
  EXPECT_NE(to_cloud_event_json(e.view()).find("data_base64"), std::string::npos);
}

TEST(CloudEventsJson, ForeignExtensionsBecomeHeaders) {
  const auto e =
      from_cloud_event_json(
          R"({"specversion":"1.0","id":"1","source":"/a","type":"t","ext1":"x","ext2":7,"ext3":true,"subject":null,"data":"\u00e4"})")
          .or_throw();
  EXPECT_EQ(e.headers.get("ext1"), "x");
  EXPECT_EQ(e.headers.get("ext2"), "7");
  EXPECT_EQ(e.headers.get("ext3"), "true");
  EXPECT_EQ(e.payload, "\"\xc3\xa4\"");
}

TEST(CloudEventsJson, RefusesWhatIsNone) {
  for (const auto* json :
       {"", "[]", "{}", R"({"specversion":"0.3","id":"1","source":"s","type":"t"})",
        R"({"specversion":"1.0","source":"s","type":"t"})", R"({"specversion":"1.0","id":"1","type":"t"})",
        R"({"specversion":"1.0","id":"1","source":"s"})", R"({"specversion":"1.0","id":1,"source":"s","type":"t"})",
        R"({"specversion":"1.0","id":"1","source":"s","type":"t","time":"now"})",
        R"({"specversion":"1.0","id":"1","source":"s","type":"t","data":1,"data_base64":"AA=="})",
        R"({"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"A"})",
        R"({"specversion":"1.0","id":"1","id":"2","source":"s","type":"t"})",
        R"({"specversion":"1.0","id":"1","source":"s","type":"t","ext":{}})",
        R"({"specversion":"1.0","id":"1","source":"s","type":"t","Upper":1})",
        R"({"specversion":"1.0","id":"1","source":"s","type":"t","tidingsversion":0})",
        R"({"specversion":"1.0","id":"1","source":"s","type":"t","tidingsheaders":"[]"})",
        R"({"specversion":"1.0","id":"1","source":"s","type":"t","data":{)"})
    EXPECT_FALSE(from_cloud_event_json(json)) << json;
}

TEST(MakeValid, WhatOthersWroteCanBePublishedAgain) {
  const std::string bad("a\x1b\n\xff\0", 5);
  Envelope event;
  event.id = event.type = event.source = event.subject = event.data_content_type = event.key = bad;
  event.correlation_id = event.causation_id = event.trace_parent = event.data_schema = bad;
  event.headers.set(bad, bad);
  event.headers.set("fine", "as \t it is");
  event.payload = bad;
  make_valid(event);
  EXPECT_TRUE(validate(event.view(), 1'000'000));
  EXPECT_EQ(event.id, "a\\x1B\\x0A\\xFF\\x00");
  EXPECT_EQ(event.payload, bad);
  EXPECT_EQ(event.headers.get("fine"), "as \t it is");
  Envelope fine;
  fine.id = fine.type = "1";
  fine.key = "with\ncontrol";
  const auto before = fine;
  make_valid(fine);
  EXPECT_EQ(fine, before);
  Envelope long_one;
  long_one.id.assign(70'000, 'x');
  long_one.type = "t";
  make_valid(long_one);
  EXPECT_EQ(long_one.id.size(), 65'535U);
}

}  // namespace
}  // namespace tidings
