#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// What a benchmark program says it measures, as data, and how that is printed.
namespace bench {

/// Of what a figure is: times are nanoseconds, rates a second.
enum class Unit { time, rate, bytes, count, percent };

/// Where a figure comes from: the time an iteration of a benchmark takes, or one of its counters.
struct Source {
  std::string benchmark;
  std::string counter{};

  friend auto operator<=>(const Source&, const Source&) = default;
};

/// What the rows promise: a bound on the figure itself, or on its ratio to another of the same run.
struct Goal {
  enum class Sense { at_most, at_least };
  Sense sense = Sense::at_most;
  double bound = 0;
  std::string against{};  ///< a peer of the row, or a name for `reference`; empty: the bound is on the figure
  std::optional<Source> reference{};
};

[[nodiscard]] Goal at_most(double bound, std::string against = {}, std::optional<Source> reference = {});
[[nodiscard]] Goal at_least(double bound, std::string against = {}, std::optional<Source> reference = {});

struct Row {
  std::string label;
  Source ours;  ///< nothing where there is none yet
  std::vector<std::pair<std::string, Source>> peers{};
  std::vector<Goal> goals{};
  Unit unit = Unit::time;
};

struct Table {
  std::string title;
  std::vector<Row> rows;
  std::string note{};  ///< a sentence or two under it
};

/// The median of a figure's repetitions, and half of the range that the middle half of them takes, as a part of it.
struct Figure {
  double median = 0;
  double spread = 0;
};
[[nodiscard]] Figure figure_of(std::vector<double> repetitions);

using Figures = std::map<Source, Figure>;

/// `met`, `missed by 12 %`, `missed by a factor of 3.1`; `not measured` where a figure is missing.
[[nodiscard]] std::string verdict(const Row& row, const Goal& goal, const Figures& figures);

/// For people: columns stand under one another.
[[nodiscard]] std::string to_text(const Table& table, const Figures& figures);
[[nodiscard]] std::string to_markdown(const Table& table, const Figures& figures);

/// `page` with what stands between `<!-- bench: NAME -->` and `<!-- end of bench: NAME -->` replaced; with both at its
/// end where it has none.
[[nodiscard]] std::string with_section(std::string page, const std::string& name, const std::string& section);

}  // namespace bench
