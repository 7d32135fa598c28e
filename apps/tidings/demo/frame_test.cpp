#include "demo/frame.hpp"

#include <gmock/gmock.h>

#include "tidings/base/text.hpp"

namespace tidings::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Scene scene() {
  return {.where = "log:/tmp/tidings-demo-x/log",
          .seconds = 7.94,
          .fed = 794,
          .total = 1200,
          .fed_per_second = 101,
          .rows = {{"orders", Scene::State::running, 793, 1, "takes orders", 101},
                   {"inventory", Scene::State::running, 786, 0, "reserves stock", 100.6},
                   {"notifications", Scene::State::killed, 1786, 220, "writes mails", 0},
                   {"analytics", Scene::State::catching_up, 523, 330, "counts revenue", 260}},
          .lag_full = 440,
          .caption = "analytics is back"};
}

TEST(Frame, AsOnATerminalOfTheUsualSize) {
  EXPECT_THAT(frame(scene(), {80, 24}, false),
              ElementsAre("",  //
                          "  Tidings demo  log:/tmp/tidings-demo-x/log                               7.9 s",
                          "",  //
                          "  fed  █████████████████████████▏░░░░░░░░░░░░    794 of 1,200 orders      101/s",
                          "",  //
                          "  service        state         handled  per s    lag            what it does",
                          "  orders         ● running         793    101      1            takes orders",
                          "  inventory      ● running         786    101      0            reserves stock",
                          "  notifications  ✗ KILLED        1,786      0    220 █████      writes mails",
                          "  analytics      ● catching up     523    260    330 ███████▌   counts revenue",
                          "",  //
                          "  analytics is back"));
}

TEST(Frame, CountsKills) {
  auto chaos = scene();
  chaos.counts_kills = true;
  chaos.rows[2].kills = 12;
  EXPECT_THAT(
      frame(chaos, {90, 24}, false),
      ::testing::IsSupersetOf({"  service        state         kills handled  per s    lag            what it does",
                               "  inventory      ● running         0     786    101      0            reserves stock",
                               "  notifications  ✗ KILLED         12   1,786      0    220 █████      writes mails"}));
  EXPECT_THAT(frame(chaos, {80, 24}, false)[8], "  notifications  ✗ KILLED         12   1,786      0    220 █████");
}

TEST(Frame, ColoursWhatIsOutOfTheOrdinary) {
  const auto lines = frame(scene(), {80, 24}, true);
  EXPECT_THAT(lines[6], HasSubstr("\x1b[32m● running\x1b[0m"));
  EXPECT_THAT(lines[8], HasSubstr("\x1b[1;31m✗ KILLED\x1b[0m"));
  EXPECT_THAT(lines[9], HasSubstr("\x1b[1;33m● catching up\x1b[0m"));
  EXPECT_THAT(lines[9], HasSubstr("\x1b[33m330\x1b[0m"));
}

TEST(Frame, FitsIntoEveryRoom) {
  auto crowded = scene();
  crowded.where = "log:/" + std::string(200, 'x') + "/\u65e5\u672c\x1b[31m";
  crowded.fed = crowded.total = crowded.rows[0].handled = crowded.rows[0].lag = 1'000'000'000;
  crowded.caption = std::string(300, 'y');
  for (const auto& shown : {scene(), crowded, Scene{}})
    for (std::size_t columns = 1; columns <= 200; ++columns)
      for (std::size_t rows = 1; rows <= 20; ++rows)
        for (const bool coloured : {false, true}) {
          const auto lines = frame(shown, {columns, rows}, coloured);
          ASSERT_LE(lines.size(), std::max<std::size_t>(rows - 1, 1)) << columns << " by " << rows;
          for (const auto& line : lines) {
            ASSERT_LT(width(line), std::max<std::size_t>(columns, 2)) << columns << " by " << rows << ": " << line;
            ASSERT_TRUE(is_utf8(line)) << line;
            ASSERT_FALSE(!coloured && line.ends_with(' ')) << "'" << line << "'";
            const auto last = line.rfind('\x1b');
            ASSERT_TRUE(last == line.npos || line.substr(last, 4) == "\x1b[0m") << "the colour goes on after the line";
          }
        }
}

TEST(Frame, InASmallRoomTheLeastIsLeftOutFirst) {
  EXPECT_THAT(
      frame(scene(), {60, 8}, false),
      ElementsAre("  Tidings demo  log:/tmp/tidings-demo-x/log           7.9 s",
                  "  fed  ███████████▉░░░░░░    794 of 1,200 orders      101/s",
                  "  orders         ● running         793      1", "  inventory      ● running         786      0",
                  "  notifications  ✗ KILLED        1,786    220 █████",
                  "  analytics      ● catching up     523    330 ███████▌", "  analytics is back"));
  EXPECT_THAT(frame(scene(), {48, 4}, false), ElementsAre("  fed  ███████████▏░░░░░    794 of 1,200 orders",
                                                          "  notifications  ✗ KILLED        1,786    220",
                                                          "  analytics      ● catching up     523    330"));
  EXPECT_THAT(frame(scene(), {24, 2}, false), ElementsAre("  fed 794 of 1,200 orde"));
}

TEST(Cut, CountsWhatIsSeen) {
  EXPECT_EQ(cut("a\x1b[31mbäc\x1b[0m", 3), "a\x1b[31mbä\x1b[0m");
  EXPECT_EQ(cut("\u65e5\u672cx", 3), "\u65e5");
  EXPECT_EQ(cut("██", 1), "█");
  EXPECT_EQ(width("\x1b[1;31m✗ \u65e5\x1b[0m"), 4U);
  EXPECT_THAT(cut("", 5), IsEmpty());
}

TEST(Grouped, ByThousands) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(1'234'567), "1,234,567");
}

}  // namespace
}  // namespace tidings::cli
