#include "tidings/event/redact.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <variant>

#include "tidings/event/json.hpp"
#include "tidings/event/make_envelope.hpp"
#include "tidings/event/sealer.hpp"

namespace people {

struct Address {
  std::string street;
  std::string town;
  static constexpr auto redacted = tidings::redact<&Address::street>;
};
struct Card {
  std::string number;
  static constexpr tidings::traits<Card> event{.name = "people.card", .redacted = tidings::redact<&Card::number>};
};
struct Cash {
  std::int64_t pence = 0;
  bool redacted = false;  // data, and no mark
};
struct Node {
  std::string secret;
  std::vector<Node> below;
  static constexpr auto redacted = tidings::redact<&Node::secret>;
};
struct Tree {
  std::string open;
  std::vector<Tree> below;
};
struct Branch;
struct Leaf {
  std::vector<Leaf> twins;
  std::vector<Branch> branches;
};
struct Branch {
  std::string secret;
  std::vector<Leaf> leaves;
  static constexpr auto redacted = tidings::redact<&Branch::secret>;
};
struct Third;
struct First {
  std::vector<Third> thirds;
};
struct Second {
  std::vector<Second> more;
  std::vector<First> firsts;
};
struct Third {
  std::vector<Second> seconds;
  std::optional<std::string> secret;
  static constexpr auto redacted = tidings::redact<&Third::secret>;
};
struct Account {
  std::string owner;
  std::int32_t limit = 0;
};
struct Bank {
  std::string id;
  std::map<std::string, Account> accounts;
  static constexpr tidings::traits<Bank> event{.key = &Bank::id, .redacted = tidings::redact<&Bank::accounts>};
};
struct OpenBank {
  std::string id;
  std::map<std::string, Account> accounts;
  static constexpr tidings::traits<OpenBank> event{.key = &OpenBank::id};
};
struct SealedBank {
  std::string id;
  std::map<std::string, Account> accounts;
  static constexpr tidings::traits<SealedBank> event{.key = &SealedBank::id, .encrypted = true};
};
struct OldBank {
  std::string id;
  std::map<std::string, Account> accounts;
  static constexpr tidings::traits<OldBank> event{
      .name = "people.bank", .key = &OldBank::id, .redacted = tidings::redact<&OldBank::accounts>};
};
struct NewBank {
  std::string id;
  static constexpr tidings::traits<NewBank> event{.name = "people.bank", .version = 2, .key = &NewBank::id};
  static NewBank upcast(const OldBank& old) { return {old.id}; }
};
struct FirstLedger {
  std::string id;
  std::map<std::string, Account> accounts;
  static constexpr tidings::traits<FirstLedger> event{.name = "people.ledger", .key = &FirstLedger::id};
};
struct Ledger {
  std::string id;
  std::map<std::string, Account> accounts;
  static constexpr tidings::traits<Ledger> event{
      .name = "people.ledger", .version = 2, .key = &Ledger::id, .redacted = tidings::redact<&Ledger::accounts>};
  static Ledger upcast(const FirstLedger& old) { return {old.id, old.accounts}; }
};
class Shut {
 public:
  std::string name;
  [[nodiscard]] Address to_event_data() const { return {name, name}; }
  static Shut from_event_data(Address address) { return {std::move(address.street)}; }
  Shut() = default;
  Shut(std::string of) : name(std::move(of)) {}  // NOLINT
  static constexpr auto redacted = tidings::redact<&Shut::name>;
};
struct Household {
  std::string id;
  Shut shut;
};
class Sealed {
 public:
  [[nodiscard]] Address to_event_data() const { return address_; }
  static Sealed from_event_data(Address address) {
    Sealed made;
    made.address_ = std::move(address);
    return made;
  }

 private:
  Address address_;
};
struct Moved {
  std::string id;
  std::string name;
  std::optional<std::string> mail;
  Address from;
  std::vector<Address> stops;
  std::map<std::string, Address> by_name;
  std::optional<std::array<Address, 1>> last;
  std::variant<Cash, Card> paid;
  Sealed hidden;
  static constexpr tidings::traits<Moved> event{.key = &Moved::id,
                                                .redacted = tidings::redact<&Moved::mail, &Moved::name>};
};
struct Family {
  Node first;
  Tree tree;
};
struct Plain {
  std::string id;
  Cash cash;
};
struct Pointed {
  tidings::Strong<struct PointedTag, std::string> id;
  std::string other;
  static constexpr tidings::traits<Pointed> event{.key = tidings::key<&Pointed::id>,
                                                  .redacted = tidings::redact<&Pointed::other>};
};

}  // namespace people

namespace tidings {
namespace {

using namespace std::string_literals;

template <class Event>
std::string header_of(const Event& event) {
  const auto envelope = make_envelope(event).or_throw();
  return std::string(envelope.headers.get(redact_header).value_or("none"));
}

TEST(Redact, MarksOfAnEventAndOfWhatItHasTravelWithIt) {
  EXPECT_EQ(header_of(people::Moved{}),
            "/by_name/*/street,/from/street,/hidden/street,/last/street,/mail,/name,/paid/value/number,/stops/street");
  EXPECT_EQ(header_of(people::Plain{}), "none");
  EXPECT_EQ(header_of(people::Pointed{}), "/other");
  EXPECT_EQ(header_of(people::Family{}), "/first/below,/first/secret") << "and nothing of the tree, which has no marks";
}

// What a walk over the classes has left out where one comes again: all of it is masked, or none of it has a mark.
TEST(Redact, ClassesThatHoldOneAnotherAreMaskedAtEveryDepth) {
  using people::Branch, people::Leaf, people::First, people::Second, people::Third, people::Node;
  const Node nodes{"s1", {Node{"s2", {Node{"s3", {}}}}, Node{"s4", {}}}};
  const Branch branch{"s1", {Leaf{{Leaf{{}, {Branch{"s2", {}}}}}, {Branch{"s3", {Leaf{{}, {Branch{"s4", {}}}}}}}}}};
  const Third inner{{Second{{Second{{}, {First{{Third{{}, "s1"}}}}}}, {First{{Third{{}, "s2"}}}}}}, "s3"};
  const First first{{inner}};
  const Second second{{Second{{}, {First{{inner}}}}}, {First{{inner}}}};
  const auto shows = [](const auto& event) {
    auto shown = shown_payload(make_envelope(event).or_throw().view());
    return std::ranges::any_of(std::array{1, 2, 3, 4},
                               [&](int one) { return shown.find("s" + std::to_string(one) + "\"") != shown.npos; })
               ? shown
               : std::string("nothing");
  };
  EXPECT_EQ(shows(nodes), "nothing");
  EXPECT_EQ(shows(branch), "nothing");
  EXPECT_EQ(shows(first), "nothing");
  EXPECT_EQ(shows(inner), "nothing");
  EXPECT_EQ(shows(second), "nothing");
  EXPECT_EQ(header_of(branch), "/leaves/branches,/leaves/twins,/secret");
  EXPECT_EQ(header_of(people::Tree{}), "none");
}

TEST(Redact, MarksOfAClassThatIsWrittenAsAnotherMaskAllOfIt) {
  EXPECT_EQ(shown_payload(make_envelope(people::Household{"1", people::Shut{"Ada"}}).or_throw().view()),
            R"({"id":"1","shut":"***"})");
}

/// A codec that is not JSON, and quotes.
struct Quoting {
  static constexpr std::string_view content_type = "text/plain";
  template <class Event>
  static Result<> encode(const Event& event, std::string& out) {
    return event.id == "bad" ? Result<>(Error{"bad", "it has 4111"}) : JsonCodec::encode(event, out);
  }
  template <class Event>
  static Result<Event> decode(std::string_view text) {
    return Error{"wrong_text", "not " + std::string(text)};
  }
};

TEST(Redact, UnderACodecThatIsNotJsonAllIsMasked) {
  const auto header = [](const auto& event) {
    const auto made = make_envelope<std::remove_cvref_t<decltype(event)>, Quoting>(event).or_throw();
    return std::string(made.headers.get(redact_header).value_or("none"));
  };
  EXPECT_EQ(header(people::Household{"1", {}}), redact_everything) << "marks of what it has";
  EXPECT_EQ(header(people::Bank{"1", {}}), redact_everything);
  EXPECT_EQ(header(people::Plain{"1", {}}), "none");
}

TEST(Redact, WhatIsMarkedIsMasked) {
  people::Moved moved{.id = "7",
                      .name = "Ada",
                      .mail = "ada@example.org",
                      .from = {"Byron Street 1", "Hucknall"},
                      .stops = {{"One", "London"}, {"Two", "Paris"}},
                      .by_name = {{"home", {"Three", "Turin"}}},
                      .last = std::array{people::Address{"Four", "Genoa"}},
                      .paid = people::Card{"4111"},
                      .hidden = people::Sealed::from_event_data({"Five", "Bath"})};
  const auto envelope = make_envelope(moved).or_throw();
  const auto shown = shown_payload(envelope.view());
  EXPECT_EQ(shown,
            R"({"id":"7","name":"***","mail":"***","from":{"street":"***","town":"Hucknall"},)"
            R"("stops":[{"street":"***","town":"London"},{"street":"***","town":"Paris"}],)"
            R"("by_name":{"home":{"street":"***","town":"Turin"}},"last":[{"street":"***","town":"Genoa"}],)"
            R"("paid":{"type":"people.card","value":{"number":"***"}},"hidden":{"street":"***","town":"Bath"}})");
  moved.mail.reset();
  EXPECT_NE(shown_payload(make_envelope(moved).or_throw().view()).find(R"("mail":"***")"), std::string::npos)
      << "nor whether there is one";
  const auto plain = make_envelope(people::Plain{"7", {}}).or_throw();
  EXPECT_EQ(shown_payload(plain.view()), plain.payload);
}

TEST(Redact, AllElseStaysByteForByte) {
  EXPECT_EQ(redact_json(" {\t\"b\" : 1.0e5 ,\r\n\"a\":{ \"x\":[1,2 , {}] } , \"c\" : \"\\u00e4\\/\" } ", "/a"),
            " {\t\"b\" : 1.0e5 ,\r\n\"a\":\"***\" , \"c\" : \"\\u00e4\\/\" } ");
  for (const auto* const json :
       {"{}", "[]", "1", "\"a\"", "null", " true ", "[ ]", "{ }", "[[[]]]", R"({"b":{"a":1}})"})
    EXPECT_EQ(redact_json(json, "/a"), json);
}

TEST(Redact, HostileDocuments) {
  EXPECT_EQ(redact_json(R"({"a":1,"b":2,"a":3})", "/a"), R"({"a":"***","b":2,"a":"***"})");
  EXPECT_EQ(redact_json(R"({"\u0061":1,"\u0061b":2})", "/a"), R"({"\u0061":"***","\u0061b":2})");
  EXPECT_EQ(redact_json(R"({"a\"":1,"\\":"}","a":"\\"})", "/a"), R"({"a\"":1,"\\":"}","a":"***"})");
  EXPECT_EQ(redact_json("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", "/%F0%9F%98%80"),
            "{\"\\ud83d\\ude00\":\"***\",\"\xf0\x9f\x98\x80\":\"***\"}");
  EXPECT_EQ(redact_json(R"({"a":"x\",\"a\":\"y"})", "/a"), R"({"a":"***"})");
  EXPECT_EQ(redact_json(R"({"a":[{"a":{"b":1}},[{"b":2}]],"b":3})", "/a/b"),
            R"({"a":[{"a":{"b":1}},[{"b":"***"}]],"b":3})");
  EXPECT_EQ(redact_json(R"([{"a":1},[{"a":2}],3])", "/a"), R"([{"a":"***"},[{"a":"***"}],3])");
  EXPECT_EQ(redact_json(R"({"a":[1,2,3]})", "/a/1"), R"({"a":[1,"***",3]})");
  EXPECT_EQ(redact_json(R"({"a":{"x":{"s":1},"y":{"s":2}}})", "/a/*/s"), R"({"a":{"x":{"s":"***"},"y":{"s":"***"}}})");
  EXPECT_EQ(redact_json(R"({"":1,"a/b":2,"m~n":3,"p,q":4,"r%s":5})", "/,/a~1b,/m~0n,/p%2Cq,/r%25s"),
            R"({"":"***","a/b":"***","m~n":"***","p,q":"***","r%s":"***"})");
  EXPECT_EQ(redact_json(R"({"a":{"b":1}})", "/a,/a/b"), R"({"a":"***"})");
  const auto deep = [](int depth, const std::string& within) {
    std::string json;
    for (int at = 0; at < depth; ++at) json += R"({"d":)";
    return json + within + std::string(static_cast<std::size_t>(depth), '}');
  };
  EXPECT_EQ(redact_json(deep(490, R"({"a":1})"), "/a"), deep(490, R"({"a":1})"));
  EXPECT_EQ(redact_json(R"({"a":)" + deep(490, "1") + "}", "/a"), R"({"a":"***"})");
  EXPECT_EQ(redact_json(std::string(400, '[') + R"({"a":1})" + std::string(400, ']'), "/a"),
            std::string(400, '[') + R"({"a":"***"})" + std::string(400, ']'));
}

TEST(Redact, ErrorsOfDecodingTellThePlaceAndNotTheValue) {
  auto envelope = make_envelope(people::Family{}).or_throw();
  envelope.payload = R"({"first":{"secret":4111111111111111111111},"tree":{}})";
  envelope.headers.remove(redact_header);  // it is the class that says so
  const auto decoded = decode_event<people::Family>(envelope.view());
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, "wrong_type");
  EXPECT_TRUE(decoded.error().message.starts_with("$.first.secret: what stands there is not told"))
      << decoded.error().message;
}

template <class Event>
std::string why_not(std::string_view payload, std::string_view mark = {}, std::uint32_t version = 1) {
  Envelope envelope;
  envelope.version = version;
  envelope.payload = payload;
  if (!mark.empty()) envelope.headers.set(mark, "x");
  const auto decoded = decode_event<Event>(envelope.view());
  return decoded ? "" : decoded.error().message.substr(0, decoded.error().message.find(": what"));
}

TEST(Redact, ErrorsTellNoKeysOfMapsAndNoNamesThatNobodyKnows) {
  constexpr std::string_view wrong = R"({"accounts":{"DE89.[x]: y":{"limit":"4111"}}})";
  EXPECT_EQ(why_not<people::OpenBank>(wrong), "$.accounts.DE89.[x]: y.limit: expected an integer, got a text")
      << "nothing is secret there";
  EXPECT_EQ(why_not<people::Bank>(wrong), "$.accounts.*.limit");
  EXPECT_EQ(why_not<people::SealedBank>(wrong), "$.accounts.*.limit");
  EXPECT_EQ(why_not<people::OpenBank>(wrong, encryption_header), "$.accounts.*.limit") << "sealed by a setting";
  EXPECT_EQ(why_not<people::OpenBank>(wrong, redact_header), "$.accounts.*.limit") << "by the class of who published";
  EXPECT_EQ(why_not<people::NewBank>(wrong), "$.accounts.*.limit") << "by the class of the older version";
  EXPECT_EQ(why_not<people::Ledger>(wrong), "$.accounts.*.limit") << "what was marked later was the same before";
  EXPECT_EQ(why_not<people::Bank>(R"({"DE89":01})"), "$.*");
  EXPECT_EQ(why_not<people::Bank>(R"({"accounts":{"DE89":{"owner":"\ud800"}}})"), "$.accounts.*.owner");
  EXPECT_EQ(why_not<people::Bank>(R"({"accounts":{"DE89":{},"DE89":{}}})"), "$.accounts.*");
  EXPECT_EQ(why_not<people::Moved>(R"({"paid":{"type":"4111"}})"), "$.paid.type");
  EXPECT_EQ(why_not<people::Moved>(R"({"paid":{"type":"people.card","4111":[}})"), "$.paid.*[0]");
  EXPECT_EQ(why_not<people::Moved>(R"({"paid":{"type":"people.card","4111":01}})"), "$.paid.*");
  EXPECT_EQ(why_not<people::Moved>(R"({"stops":[{"street":4111}]})"), "$.stops[0].street");
}

TEST(Redact, ErrorsOfOtherCodecsAndOfEncodingTellNothingEither) {
  Envelope envelope;
  envelope.payload = "4111";
  const auto decoded = decode_event<people::Bank, Quoting>(envelope.view());
  EXPECT_EQ(decoded.error().code, "wrong_text");
  EXPECT_EQ(decoded.error().message.find("4111"), std::string::npos) << decoded.error().message;
  EXPECT_EQ((decode_event<people::OpenBank, Quoting>(envelope.view()).error().message), "not 4111");
  const auto bad = make_envelope<people::Bank, Quoting>(people::Bank{"bad", {}});
  EXPECT_EQ(bad.error().message.find("4111"), std::string::npos) << bad.error().message;
  const std::map<std::string, people::Account> accounts{{"DE89", {"\xff", 0}}};
  const auto written = make_envelope(people::Bank{"1", accounts});
  EXPECT_TRUE(written.error().message.starts_with("people.Bank $.accounts.*.owner: what stands there"))
      << written.error().message;
  EXPECT_TRUE(make_envelope(people::OpenBank{"1", accounts})
                  .error()
                  .message.starts_with("people.OpenBank $.accounts.DE89.owner: "));
}

TEST(Redact, PointersThroughArraysDoNotDouble) {
  std::string pointer;
  for (int depth = 0; depth < 400; ++depth) pointer += "/0";
  const auto json = std::string(399, '[') + "[1,2]" + std::string(399, ']');
  EXPECT_EQ(redact_json(json, pointer), std::string(399, '[') + R"(["***",2])" + std::string(399, ']'));
}

// Rather too much is masked than too little.
TEST(Redact, WhatCannotBeReadIsMaskedWhole) {
  for (const auto& json : {""s, "{"s, R"({"a":1}})"s, R"({"a":1)"s, "{'a':1}"s, R"({"a":NaN})"s, "\xff"s, "a"s,
                           R"({"a" 1})"s, std::string(100'000, '['), R"({"a":"\ud800"})"s, R"({"a":1} {"a":2})"s})
    EXPECT_EQ(redact_json(json, "/a"), R"("***")") << json.substr(0, 40);
  std::string many = "/a";
  for (std::size_t count = 0; count < redact_pointers_max; ++count) many += ",/b" + std::to_string(count);
  for (const auto& header : {""s, "a"s, "*"s, "/a,"s, ",/a"s, "/a,b"s, "/a~"s, "/a~2"s, "/%"s, "/%4"s, "/%GG"s, "/%00"s,
                             many, "/" + std::string(redact_bytes_max, 'x')})
    EXPECT_EQ(redact_json(R"({"a":1})", header), R"("***")") << header;
  EXPECT_TRUE(redact_pointers(many.substr(0, many.rfind(','))));
}

TEST(Redact, PointersComeBackFromTheirHeader) {
  const std::vector<std::string> pointers{"/a", "/b/c", "/p,q", "/r%s", "/\xc3\xa4", "/ ", "/m~0n~1"};
  const auto header = redact_header_of(pointers);
  EXPECT_EQ(redact_pointers(header), pointers) << header;
  for (const char c : header) EXPECT_TRUE(c > 0x20 && c < 0x7f) << header;
  EXPECT_FALSE(redact_pointers(redact_header_of(std::vector<std::string>(redact_pointers_max + 1, "/a"))));
  EXPECT_FALSE(redact_pointers(redact_header_of({"/" + std::string(redact_bytes_max, 'x')})));
  EXPECT_FALSE(redact_pointers(std::string_view("/a\0", 3)));
  EXPECT_FALSE(redact_pointers("/a%00"));
}

}  // namespace
}  // namespace tidings
