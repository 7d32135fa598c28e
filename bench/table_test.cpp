#include "table.hpp"

#include <gtest/gtest.h>

namespace bench {
namespace {

const Figures figures{
    {{"ours"}, {12, 0.02}}, {{"limit"}, {10, 0.01}}, {{"slow"}, {120, 0.3}}, {{"ours", "p50"}, {3e6, 0}}};

Row row(std::vector<Goal> goals) {
  return {.label = "a publish",
          .ours = {"ours"},
          .peers = {{"the limit", {"limit"}}, {"Slow", {"slow"}}},
          .goals = std::move(goals)};
}

TEST(Table, AMedianAndTheMiddleHalf) {
  const auto figure = figure_of({5, 1, 2, 4, 100});
  EXPECT_EQ(figure.median, 4);
  EXPECT_EQ(figure.spread, (5.0 - 2.0) / 2 / 4);
  EXPECT_EQ(figure_of({}).median, 0);
}

TEST(Table, AGoalIsMetOrMissedByHowMuch) {
  const auto of = [](const Goal& goal) { return verdict(row({}), goal, figures); };
  EXPECT_EQ(of(at_most(1.2, "the limit")), "met");
  EXPECT_EQ(of(at_most(1, "the limit")), "missed by 20.0 %");
  EXPECT_EQ(of(at_most(4)), "missed by a factor of 3.00");
  EXPECT_EQ(of(at_least(0.2, "Slow")), "missed by a factor of 2.00");
  EXPECT_EQ(of(at_least(12)), "met");
  EXPECT_EQ(of(at_most(3, "the half", Source{"limit"})), "met");
  EXPECT_EQ(of(at_most(1, "nobody")), "not measured");
  EXPECT_EQ(verdict({.label = "", .ours = {"nothing"}}, at_most(1), figures), "not measured");
  EXPECT_EQ(of(at_most(0)), "missed");
}

TEST(Table, TextStandsInColumns) {
  const Table table{.title = "Publishing",
                    .rows = {row({at_most(1.5, "the limit"), at_most(5)}),
                             {.label = "p50", .ours = {"ours", "p50"}, .unit = Unit::rate},
                             {.label = "not there", .ours = {"none"}}}};
  EXPECT_EQ(to_text(table, figures),
            "Publishing\n"
            "             Tidings   the limit         Slow             spread  goal\n"
            "  a publish  12.0 ns   10.0 ns (1.20 ×)  120 ns (0.10 ×)  ±30 %   ≤ 1.50 × the limit; ≤ 5.00 ns  met; "
            "missed by a factor of 2.40\n"
            "  p50        3.00 M/s  –                 –                ±0 %    –\n"
            "  not there  –         –                 –                ±0 %    –\n");
}

TEST(Table, MarkdownIsATable) {
  const Table table{.title = "Publishing", .rows = {row({at_most(1.5, "the limit")})}, .note = "A note."};
  EXPECT_EQ(to_markdown(table, figures),
            "### Publishing\n\n"
            "| | Tidings | the limit | Slow | spread | goal | |\n|---|---|---|---|---|---|---|\n"
            "| a publish | 12.0 ns | 10.0 ns (1.20 ×) | 120 ns (0.10 ×) | ±30 % | ≤ 1.50 × the limit | met |\n"
            "\nA note.\n");
}

TEST(Table, ASectionOfAPageIsReplacedAndTheRestStays) {
  const std::string page = "# Page\n\n<!-- bench: bus -->\nold\n<!-- end of bench: bus -->\nprose\n";
  EXPECT_EQ(with_section(page, "bus", "new\n"),
            "# Page\n\n<!-- bench: bus -->\nnew\n<!-- end of bench: bus -->\nprose\n");
  EXPECT_EQ(with_section(page, "log", "x\n"), page + "\n<!-- bench: log -->\nx\n<!-- end of bench: log -->\n");
  EXPECT_EQ(with_section("", "log", "x\n"), "<!-- bench: log -->\nx\n<!-- end of bench: log -->\n");
}

}  // namespace
}  // namespace bench
