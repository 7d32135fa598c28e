#include <gtest/gtest.h>

#include "tidings/event/context.hpp"
#include "tidings/event/make_envelope.hpp"

namespace shop {

struct OrderPlaced {
  std::string order_id;
  std::int64_t total = 0;
  static constexpr tidings::traits<OrderPlaced> event{
      .name = "shop.order-placed", .version = 2, .topic = "orders", .key = &OrderPlaced::order_id};
  struct Before {
    std::string id;
    static constexpr tidings::traits<Before> event{.name = "shop.order-placed", .version = 1};
  };
  static OrderPlaced upcast(const Before& old) { return {old.id, 100}; }
};
struct Plain {
  int number = 0;
};
struct Numbered {
  std::uint32_t number = 0;
  static constexpr tidings::traits<Numbered> event{.key = &Numbered::number};
};
struct ByFunction {
  std::string a, b;
  static std::string id(const ByFunction& self) { return self.a + "/" + self.b; }
  static constexpr tidings::traits<ByFunction> event{.key = &ByFunction::id};
};
struct Loose {
  int x = 0;
  static constexpr tidings::traits<Loose> event{.key = tidings::unordered};
};
struct Foreign {
  std::string id;
};

}  // namespace shop

template <>
struct tidings::event_traits<shop::Foreign> {
  static constexpr tidings::traits<shop::Foreign> event{.topic = "abroad", .key = &shop::Foreign::id};
};

namespace tidings {
namespace {

static_assert(event_name<shop::OrderPlaced>() == "shop.order-placed" && event_topic<shop::OrderPlaced>() == "orders");
static_assert(event_name<shop::Plain>() == "shop.Plain" && event_topic<shop::Plain>() == "shop.Plain" &&
              has_default_name<shop::Plain>);
static_assert(event_topic<shop::Foreign>() == "abroad" && event_name<shop::Foreign>() == "shop.Foreign");
static_assert(has_key<shop::Numbered> && !has_key<shop::Plain> && !has_key<shop::Loose> && is_unordered<shop::Loose>);

TEST(Traits, KeysAreTexts) {
  EXPECT_EQ(event_key(shop::OrderPlaced{"7", 1}), "7");
  EXPECT_EQ(event_key(shop::Numbered{4'000'000'000U}), "4000000000");
  EXPECT_EQ(event_key(shop::ByFunction{"a", "b"}), "a/b");
  EXPECT_EQ(event_key(shop::Foreign{"f"}), "f");
  EXPECT_EQ(event_key(shop::Plain{}), "");
}

TEST(MakeEnvelope, ReplaysFromItsSeams) {
  ManualClock clock;
  SeededEntropy entropy(1);
  const auto envelope =
      make_envelope(shop::OrderPlaced{"7", 100}, {.source = "orders", .clock = &clock, .entropy = &entropy}).or_throw();
  EXPECT_EQ(envelope.type, "shop.order-placed");
  EXPECT_EQ(envelope.version, 2U);
  EXPECT_EQ(envelope.source, "orders");
  EXPECT_EQ(envelope.key, "7");
  EXPECT_EQ(envelope.time, clock.now());
  EXPECT_EQ(envelope.correlation_id, envelope.id);
  EXPECT_EQ(envelope.causation_id, "");
  EXPECT_EQ(envelope.trace_parent.size(), 55U);
  EXPECT_EQ(envelope.payload, R"({"order_id":"7","total":100})");
  EXPECT_TRUE(validate(envelope.view(), 1000));
  EXPECT_EQ(Envelope(envelope.view()), envelope);
}

struct Collected : detail::Outlet {
  Result<> publish(std::string_view topic, Envelope envelope) override {
    topics.emplace_back(topic);
    sent.push_back(std::move(envelope));
    return {};
  }
  std::vector<std::string> topics;
  std::vector<Envelope> sent;
};

TEST(Context, HandsOnCorrelationCausationAndTrace) {
  const auto first = make_envelope(shop::OrderPlaced{"7", 100}).or_throw();
  Collected out;
  const auto view = first.view();
  Context context(view, {.topic = "orders", .partition = {}, .offset = {}}, "inventory", out);
  ASSERT_TRUE(context.publish(shop::Numbered{5}));
  ASSERT_EQ(out.sent.size(), 1U);
  EXPECT_EQ(out.topics[0], "shop.Numbered");
  const auto second = out.sent[0].view();
  EXPECT_EQ(second.correlation_id, first.id);
  EXPECT_EQ(second.causation_id, first.id);
  EXPECT_EQ(second.source, "inventory");
  EXPECT_EQ(second.trace_parent.substr(0, 36), first.trace_parent.substr(0, 36));
  EXPECT_NE(second.trace_parent, first.trace_parent);
  Context next(second, {}, "third", out);
  ASSERT_TRUE(next.publish(shop::Numbered{6}));
  EXPECT_EQ(out.sent[1].correlation_id, first.id);
  EXPECT_EQ(out.sent[1].causation_id, out.sent[0].id);
}

TEST(MakeEnvelope, ReplacesATraceThatIsNone) {
  Envelope cause;
  cause.id = "1";
  for (const auto* text : {"", "junk", "00-00000000000000000000000000000000-0000000000000001-01",
                           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"}) {
    cause.trace_parent = text;
    const auto view = cause.view();
    const auto made = begin_envelope({.cause = &view});
    EXPECT_EQ(made.trace_parent.size(), 55U);
    EXPECT_EQ(made.trace_parent.substr(0, 3), "00-");
    EXPECT_EQ(made.trace_parent.find("4736"), std::string::npos);
  }
}

TEST(DecodeEvent, GoesThroughUpcasts) {
  Envelope envelope;
  envelope.version = 1;
  envelope.payload = R"({"id":"7"})";
  EXPECT_EQ(decode_event<shop::OrderPlaced>(envelope.view()).or_throw().total, 100);
  envelope.version = 3;
  EXPECT_EQ(decode_event<shop::OrderPlaced>(envelope.view()).error().code, "unknown_version");
  envelope.version = 0;
  EXPECT_EQ(decode_event<shop::OrderPlaced>(envelope.view()).error().code, "unknown_version");
  envelope.version = 2;
  envelope.data_content_type = "text/plain";
  EXPECT_EQ(decode_event<shop::OrderPlaced>(envelope.view()).error().code, "unsupported_content");
}

/// Eight bytes are looked at in one go: none may hide another.
TEST(Validate, SeesEveryByteAtEveryPlace) {
  auto envelope = make_envelope(shop::Plain{1}).or_throw();
  for (const char around : {'x', ' ', '~'})
    for (std::size_t at = 0; at < 18; ++at)
      for (int byte = 0; byte < 256; ++byte) {
        envelope.subject.assign(18, around);
        envelope.subject[at] = static_cast<char>(byte);
        const bool is_fine = byte >= 0x20 && byte < 0x7f;  // one byte of 0x80 and more is no UTF-8
        ASSERT_EQ(bool(validate(envelope.view(), 1000)), is_fine) << byte << " at " << at;
      }
  for (std::size_t at = 0; at < 17; ++at) {
    envelope.subject.assign(18, 'x');
    envelope.subject.replace(at, 2, "\xc3\xa4");
    ASSERT_TRUE(validate(envelope.view(), 1000)) << at;
  }
}

TEST(Validate, RefusesWhatNoBrokerShouldCarry) {
  const auto broken = [](auto change) {
    auto envelope = make_envelope(shop::Plain{1}).or_throw();
    change(envelope);
    auto result = validate(envelope.view(), 1000);
    return result ? std::string("fine") : result.error().code;
  };
  EXPECT_EQ(broken([](Envelope&) {}), "fine");
  EXPECT_EQ(broken([](Envelope& e) { e.payload.clear(); }), "fine");
  EXPECT_EQ(broken([](Envelope& e) { e.payload = std::string("\0\xff", 2); }), "fine");
  EXPECT_EQ(broken([](Envelope& e) { e.headers.set("a", "\xc3\xa4 b"); }), "fine");
  EXPECT_EQ(broken([](Envelope& e) { e.id.clear(); }), "invalid_event");
  EXPECT_EQ(broken([](Envelope& e) { e.id = "a\nb"; }), "invalid_event");
  EXPECT_EQ(broken([](Envelope& e) { e.type.clear(); }), "invalid_event");
  EXPECT_EQ(broken([](Envelope& e) { e.key = "\xff"; }), "invalid_event");
  for (const char c : {'\r', '\n', '\0'})
    EXPECT_EQ(broken([c](Envelope& e) { e.headers.set("a", std::string("x") + c); }), "invalid_event");
  EXPECT_EQ(broken([](Envelope& e) { e.headers.set("", "x"); }), "invalid_event");
  EXPECT_EQ(broken([](Envelope& e) { e.payload.assign(2000, 'x'); }), "too_large");
}

TEST(Headers, KeepOrderAndReplace) {
  Headers headers;
  headers.set("a", "1");
  headers.set("b", "");
  headers.set("a", "3");
  EXPECT_EQ(headers.get("a"), "3");
  EXPECT_EQ(headers.get("b"), "");
  EXPECT_EQ(headers.get("c"), std::nullopt);
  EXPECT_EQ(std::distance(headers.begin(), headers.end()), 2);
  headers.remove("a");
  EXPECT_EQ(headers.begin()->name, "b");
  for (std::size_t size = 0; size < headers.view().encoded().size(); ++size)
    EXPECT_TRUE(HeadersView(headers.view().encoded().substr(0, size)).empty());
}

}  // namespace
}  // namespace tidings
