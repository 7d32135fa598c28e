#include "dashboard/event_json.hpp"

#include <gtest/gtest.h>

#include "describe/json_tree.hpp"
#include "testing/servers/keys.hpp"
#include "tidings/event/headers.hpp"
#include "tidings/event/redact.hpp"

namespace tidings::cli {
namespace {

Delivery delivery_of(const Envelope& envelope) {
  Delivery delivery;
  delivery.id = {.partition = Partition{1}, .offset = Offset{7}};
  delivery.envelope = envelope.view();
  return delivery;
}

JsonTree told(const Envelope& envelope, Wholeness wholeness = Wholeness::listed, const Showing& showing = {}) {
  const auto json = event_json(delivery_of(envelope), "orders", wholeness, showing);
  EXPECT_EQ(json.find('\n'), json.npos) << "a line of server-sent events ends there";
  EXPECT_EQ(json.find('\r'), json.npos);
  auto tree = parse_json_tree(json);
  EXPECT_TRUE(tree) << json;
  return tree ? *tree : JsonTree{};
}

Envelope event(std::string payload, std::string type = "application/json") {
  Envelope envelope;
  envelope.id = "1";
  envelope.type = "shop.order";
  envelope.payload = std::move(payload);
  envelope.data_content_type = std::move(type);
  return envelope;
}

TEST(EventJson, WhatIsRedactedNeverLeavesTheServer) {
  auto customer = event(R"({"id":"7","mail":"ada@example.org"})");
  customer.headers.set(redact_header, "/mail");
  for (const auto wholeness : {Wholeness::listed, Wholeness::whole}) {
    const auto json = event_json(delivery_of(customer), "orders", wholeness);
    EXPECT_EQ(json.find("ada"), json.npos) << json;
    EXPECT_NE(json.find(R"("redacted":["/mail"])"), json.npos) << json;
  }
  EXPECT_EQ(told(customer).find("data")->find("mail")->scalar, "***");
  const auto shown = told(customer, Wholeness::listed, Showing({}, true));
  EXPECT_EQ(shown.find("data")->find("mail")->scalar, "ada@example.org");
  EXPECT_TRUE(shown.find("redacted")->items.empty());
  customer.headers.set(redact_header, "no pointer");
  EXPECT_EQ(told(customer).find("redacted")->items.at(0).scalar, "*");
  EXPECT_EQ(told(customer).find("data")->scalar, "***");
}

TEST(EventJson, WhatIsSealedIsSaidToBe) {
  auto sealed = event(R"({"id":"7"})");
  const auto keys = testing::keyring(testing::key_text("2026", 1));
  keys.seal(sealed).or_throw();
  const auto closed = told(sealed);
  EXPECT_EQ(closed.find("sealed")->scalar, "2026");
  EXPECT_EQ(closed.find("text")->scalar, "sealed with key 2026");
  EXPECT_EQ(closed.find("base64"), nullptr);
  EXPECT_EQ(told(sealed, Wholeness::whole, Showing(keys, false)).find("data")->find("id")->scalar, "7");
}

TEST(EventJson, DataIsJsonTextOrBytes) {
  EXPECT_EQ(told(event(R"({"a":1})")).find("data")->find("a")->scalar, "1");
  EXPECT_EQ(told(event("hello", "text/plain")).find("text")->scalar, "hello");
  EXPECT_EQ(told(event("{broken")).find("text")->scalar, "{broken");
  EXPECT_EQ(told(event("\xff\xfe", "application/octet-stream")).find("base64")->scalar, "//4=");
  EXPECT_EQ(told(event("{\"a\":\"\xff\"}")).find("data"), nullptr) << "JSON is UTF-8";
  EXPECT_EQ(told(event(std::string("a\0b", 3), "text/plain")).find("text"), nullptr);
}

TEST(EventJson, JsonOfManyLinesStandsOnOne) {
  const auto tree = told(event("{\n  \"a\": \"x\\ny\",\r\n  \"b\": [1,\n2]\n}\n\nevent: forged\ndata: {}\n\n"));
  EXPECT_EQ(tree.find("data"), nullptr) << "and what follows is no JSON";
  const auto fine = told(event("{\n  \"a\": \"x\\ny\",\r\n  \"b\": [1,\n2]\n}\n"));
  EXPECT_EQ(fine.find("data")->find("a")->scalar, "x\ny");
  EXPECT_EQ(fine.find("data")->find("b")->items.size(), 2U);
}

TEST(EventJson, WhatIsHostileStaysAText) {
  const std::string hostile = "</script><img src=x onerror=alert(1)>\"'`\n\r\x01\xe2\x80\xae\xe2\x80\xa8";
  auto envelope = event(R"("</script>")");
  envelope.key = hostile;
  envelope.type = hostile;
  envelope.source = hostile;
  envelope.headers.set(hostile, hostile);
  const auto tree = told(envelope);
  for (const auto* const name : {"key", "type", "source"}) EXPECT_EQ(tree.find(name)->scalar, hostile) << name;
  ASSERT_EQ(tree.find("headers")->members.size(), 1U);
  EXPECT_EQ(tree.find("headers")->members[0].first, hostile);
  EXPECT_EQ(tree.find("headers")->members[0].second.scalar, hostile);
}

TEST(EventJson, WhatIsNoUtf8IsReplaced) {
  auto envelope = event("1");
  envelope.key = "a\xff\xc3(b";
  envelope.headers.set("h", "\xfe");
  const auto tree = told(envelope);
  EXPECT_EQ(tree.find("key")->scalar, "a\xef\xbf\xbd\xef\xbf\xbd(b");
  EXPECT_EQ(tree.find("headers")->members[0].second.scalar, "\xef\xbf\xbd");
}

TEST(EventJson, AListHasNothingLong) {
  auto envelope = event("\"" + std::string(listed_bytes_max, 'x') + "\"");
  EXPECT_EQ(told(envelope).find("data"), nullptr);
  EXPECT_EQ(told(envelope).find("cut")->scalar, "true");
  EXPECT_NE(told(envelope, Wholeness::whole).find("data"), nullptr);
  EXPECT_EQ(told(envelope, Wholeness::whole).find("cut"), nullptr);
  auto long_key = event("1");
  for (int i = 0; i < 1000; ++i) long_key.key += "€";
  const auto listed = told(long_key);
  EXPECT_LT(listed.find("key")->scalar.size(), 1030U);
  EXPECT_EQ(listed.find("cut")->scalar, "true");
  EXPECT_EQ(told(long_key, Wholeness::whole).find("key")->scalar, long_key.key);
  auto many = event("1");
  many.headers.set("h", std::string(listed_bytes_max, 'x'));
  EXPECT_TRUE(told(many).find("headers")->members.empty());
  EXPECT_EQ(told(many).find("cut")->scalar, "true");
}

}  // namespace
}  // namespace tidings::cli
