#include "scaffold/record.hpp"

#include <gmock/gmock.h>

namespace tidings::scaffold {
namespace {

using ::testing::HasSubstr;

const Record sample{.name = "orders",
                    .layout = Layout::flat,
                    .capabilities = {"event-bus", "outbox", "sqlite"},
                    .capabilities_line = 0,
                    .implied = {"sqlite"},
                    .acknowledged = {}};

TEST(RecordFile, comes_back_as_it_was_written) {
  const auto read = read_record(record_text(sample), "tidings.toml").or_throw();
  EXPECT_EQ(read.name, sample.name);
  EXPECT_EQ(read.layout, sample.layout);
  EXPECT_EQ(read.capabilities, sample.capabilities);
  EXPECT_EQ(read.capabilities_line, 5U);
  EXPECT_EQ(read.implied, sample.implied);
  EXPECT_EQ(read.asked(), (std::set<std::string>{"event-bus", "outbox"}));
}

TEST(RecordFile, leaves_declared_guarantees_alone) {
  const auto text = record_text(sample) + "[guarantees]\n\"orders -> mails.send\" = {loss = \"none\"}\n";
  EXPECT_EQ(read_record(text, "t").or_throw().name, sample.name);
}

TEST(RecordFile, leaves_the_table_of_check_alone_and_reads_what_is_acknowledged) {
  const auto text = record_text(sample) + "event-bus-without-outbox = \"hints\"\n[check]\nignore = [\"x\"]\n";
  EXPECT_EQ(read_record(text, "t").or_throw().acknowledged.at("event-bus-without-outbox"), "hints");
}

TEST(RecordFile, what_is_broken_is_told_with_its_line) {
  const auto refusal = [](const std::string& text) {
    const auto read = read_record(text, "tidings.toml");
    EXPECT_TRUE(read || read.error().code == "invalid_record");
    return read ? "nothing is wrong" : read.error().message;
  };
  const auto whole = record_text(sample);
  EXPECT_THAT(refusal("version = 1\nname = \n"), HasSubstr("tidings.toml:2: this is no TOML"));
  EXPECT_THAT(refusal(""), HasSubstr("must say version = 1"));
  EXPECT_THAT(refusal("version = 2\nname = \"a\"\nlayout = \"flat\"\n"),
              HasSubstr("tidings.toml:1: this program knows version = 1 only"));
  EXPECT_THAT(refusal("version = 1\nname = \"a\"\nlayout = \"round\"\n"),
              HasSubstr("tidings.toml:3: there is no layout 'round'; there are layered, hexagonal and flat"));
  EXPECT_THAT(refusal("version = 1\nname = \"a\"\nlayout = \"hexagon\"\n"),
              HasSubstr("tidings.toml:3: there is no layout 'hexagon'; did you mean 'hexagonal'?"));
  EXPECT_THAT(refusal("version = 1\nname = \"a\"\nlayout = \"flat\"\ncapabilites = []\n"),
              HasSubstr("tidings.toml:4: the record has no 'capabilites'; did you mean 'capabilities'?"));
  EXPECT_THAT(refusal("version = 1\nname = \"a\"\nlayout = \"flat\"\ncapabilities = [1]\n"),
              HasSubstr("tidings.toml:4: capabilities must be a list of texts"));
  EXPECT_THAT(refusal(whole + "saga-without-outbox = \"\"\n"), HasSubstr("write why saga-without-outbox is accepted"));
  EXPECT_THAT(refusal(whole + "saga-without-outbox = true\n"), HasSubstr("write why"));
}

TEST(RecordFile, of_no_project_needs_nothing_but_what_is_there_is_right) {
  const auto refusal = [](const std::string& text) {
    const auto read = read_settings_record(text, "tidings.toml");
    return read ? "nothing is wrong" : read.error().message;
  };
  for (const auto* const fine : {"", "version = 1\n", "[check]\nignore = []\n", "layout = \"layered\"\n",
                                 "[acknowledged]\nno-tests = \"none yet\"\n"})
    EXPECT_EQ(refusal(fine), "nothing is wrong") << fine;
  EXPECT_THAT(refusal("layout = \"layerd\"\n"), HasSubstr("tidings.toml:1: there is no layout 'layerd'; did you mean"));
  EXPECT_THAT(refusal("\nversion = 2\n"), HasSubstr("tidings.toml:2: this program knows version = 1 only"));
  EXPECT_THAT(refusal("layuot = \"flat\"\n"), HasSubstr("has no 'layuot'; did you mean 'layout'?"));
  EXPECT_THAT(refusal("layout = 1\n"), HasSubstr("layout must be a text"));
}

TEST(RecordFile, lists_that_nobody_wrote_into_become_as_new) {
  auto more = sample;
  more.capabilities = {"event-bus", "inbox", "outbox", "postgres"};
  more.implied = {};
  EXPECT_EQ(with_lists_of(record_text(sample), more).or_throw(), record_text(more));
  EXPECT_EQ(with_lists_of(record_text(more), sample).or_throw(), record_text(sample));
  EXPECT_EQ(with_lists_of(record_text(sample), sample).or_throw(), record_text(sample));
}

TEST(RecordFile, comments_stay) {
  const std::string text =
      "# mine\nversion = 1  # one\nname = \"orders\"\nlayout = \"flat\"\ncapabilities = [\n  \"event-bus\", # why\n  # "
      "because\n  \"outbox\",\n  \"sqlite\"  # for now\n]\n"
      "implied = [\"sqlite\"]\n[acknowledged]  # all\n";
  auto more = sample;
  more.capabilities = {"event-bus", "inbox", "outbox", "postgres"};
  more.implied = {};
  const auto made = with_lists_of(text, more).or_throw();
  EXPECT_EQ(made,
            "# mine\nversion = 1  # one\nname = \"orders\"\nlayout = \"flat\"\ncapabilities = [\n  \"event-bus\", # "
            "why\n  # because\n  \"outbox\",\n    # for now\n  \"inbox\",\n  \"postgres\",\n]\n"
            "implied = []\n[acknowledged]  # all\n");
  const auto read = read_record(made, "t").or_throw();
  EXPECT_THAT(read.capabilities, ::testing::UnorderedElementsAre("event-bus", "inbox", "outbox", "postgres"));
}

TEST(RecordFile, lists_in_strange_places_are_still_toml) {
  auto more = sample;
  more.capabilities = {"event-bus", "inbox"};
  more.implied = {"event-bus"};
  for (const auto* const text : {"version = 1\nname = \"orders\"\nlayout = \"flat\"\n",
                                 "version = 1\nname = \"orders\"\nlayout = \"flat\"\ncapabilities=[]",
                                 "version = 1\nname = \"orders\"\nlayout = \"flat\"\ncapabilities = ['event-bus' # "
                                 "x\n]\n[check]\ncapabilities = []\n",
                                 "version = 1\nname = \"orders\"\nlayout = \"flat\"\nimplied = [ # "
                                 "none\n]\ncapabilities = [\"a]b\", \"event-bus\"]\n"}) {
    const auto made = with_lists_of(text, more).or_throw();
    const auto read = read_record(made, "t");
    ASSERT_TRUE(read) << read.error().message << "\n" << made;
    EXPECT_THAT(read->capabilities, ::testing::UnorderedElementsAreArray(more.capabilities)) << text;
    EXPECT_THAT(read->implied, ::testing::UnorderedElementsAreArray(more.implied)) << text;
  }
}

TEST(RecordFile, lists_are_found_as_toml_has_them) {
  auto more = sample;
  more.capabilities = {"event-bus", "inbox"};
  more.implied = {"event-bus"};
  const std::string head = "version = 1\nname = \"orders\"\nlayout = \"flat\"\n";
  const std::string mark = "\xEF\xBB\xBF";
  for (const auto& text :
       {head + "\"capabilities\" = [\"outbox\"]\n'implied' = ['outbox'  # x\n, ]\n",
        "\n" + head +
            "\"\\u0063apabilities\" = [\"\"\"out\"\"\", 'é', \"ü\", # ö\n  'event-bus' # ä\n  ,\n]\nimplied=[]",
        mark + head, mark + "\"implied\" = ['é', 'x' # y\r\n]\r\nversion = 1\r\nname = \"a\"\r\nlayout = \"flat\"\r\n",
        std::string("name = '''\ncapabilities = ['a']\n'''\nversion = 1\nlayout = \"flat\"\n"),
        head + "capabilities = [\n] # none\n[acknowledged]\nx = '''\nimplied = ['a']\n'''\n"}) {
    const auto made = with_lists_of(text, more);
    ASSERT_TRUE(made) << made.error().message << "\n" << text;
    const auto read = read_record(*made, "t");
    ASSERT_TRUE(read) << read.error().message << "\n" << *made;
    EXPECT_THAT(read->capabilities, ::testing::UnorderedElementsAreArray(more.capabilities)) << *made;
    EXPECT_THAT(read->implied, ::testing::UnorderedElementsAreArray(more.implied)) << *made;
    EXPECT_EQ(std::ranges::count(*made, '#'), std::ranges::count(text, '#')) << *made;
  }
}

TEST(RecordFile, what_no_list_can_be_written_into_is_refused) {
  const auto made = with_lists_of("version = 2\n", sample);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, "invalid_record");
  EXPECT_FALSE(with_lists_of("version = \n", sample));
}

}  // namespace
}  // namespace tidings::scaffold
