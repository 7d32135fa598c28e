#include "lines.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace tidings::cli {
namespace {

using ::testing::ElementsAre;

/// A pipe that a test writes into.
class Input {
 public:
  Input() { EXPECT_EQ(::pipe(ends_), 0); }
  ~Input() {
    ::close(ends_[0]);
    end();
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  void write(std::string_view text) {
    ASSERT_EQ(::write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void end() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }
  [[nodiscard]] int descriptor() const { return ends_[0]; }

 private:
  int ends_[2] = {-1, -1};
};

/// Those that can be had without waiting: `NUMBER:TEXT`, or `NUMBER!` where it is too long.
std::vector<std::string> ready(LineReader& reader) {
  std::vector<std::string> lines;
  while (true) {
    auto line = reader.next(LineReader::Wait::no);
    if (!line || !*line) return lines;
    lines.push_back(std::to_string((*line)->number) +
                    ((*line)->too_long ? std::string("!") : ":" + std::string((*line)->text)));
  }
}

TEST(LineReader, GivesLinesAsTheyComeAndTheUnendedLastOne) {
  Input input;
  LineReader reader(input.descriptor(), 100);
  EXPECT_THAT(ready(reader), ElementsAre());
  input.write("one\ntw");
  EXPECT_THAT(ready(reader), ElementsAre("1:one"));
  input.write("o\n\nfour");
  EXPECT_THAT(ready(reader), ElementsAre("2:two", "3:"));
  EXPECT_FALSE(reader.ended());
  input.end();
  EXPECT_THAT(ready(reader), ElementsAre("4:four"));
  EXPECT_TRUE(reader.ended());
  EXPECT_THAT(ready(reader), ElementsAre());
}

TEST(LineReader, PassesOverWhatIsTooLong) {
  Input input;
  LineReader reader(input.descriptor(), 5);
  input.write("12345\n123456\nabc\n1234567");
  EXPECT_THAT(ready(reader), ElementsAre("1:12345", "2!", "3:abc"));
  for (int i = 0; i < 10; ++i) {
    input.write("more and more");
    EXPECT_THAT(ready(reader), ElementsAre());
  }
  input.write("\nok\n999999");
  EXPECT_THAT(ready(reader), ElementsAre("4!", "5:ok"));
  input.end();
  EXPECT_THAT(ready(reader), ElementsAre("6!"));
  EXPECT_TRUE(reader.ended());
}

TEST(LineReader, ALineThatIsCutOffAtTheEndIsToldOnce) {
  Input input;
  LineReader reader(input.descriptor(), 5);
  input.write("123456789");
  EXPECT_THAT(ready(reader), ElementsAre());
  input.write("1");
  EXPECT_THAT(ready(reader), ElementsAre());
  input.end();
  EXPECT_THAT(ready(reader), ElementsAre("1!"));
  EXPECT_THAT(ready(reader), ElementsAre());
}

TEST(LineReader, WhatCannotBeReadIsAnError) {
  auto line = LineReader(9999, 5).next(LineReader::Wait::yes);
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, "io_error");
}

}  // namespace
}  // namespace tidings::cli
