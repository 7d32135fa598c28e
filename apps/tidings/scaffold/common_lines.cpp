#include "scaffold/common_lines.hpp"

#include <algorithm>
#include <cstdint>

namespace tidings::scaffold {

namespace {

constexpr std::size_t cells_max = 16'000'000;

}  // namespace

std::vector<std::pair<std::size_t, std::size_t>> common_lines(const std::vector<std::string>& a,
                                                              const std::vector<std::string>& b) {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  std::size_t begin = 0;
  while (begin < a.size() && begin < b.size() && a[begin] == b[begin]) pairs.emplace_back(begin, begin), ++begin;
  std::size_t same = 0;  // at the end
  while (same < a.size() - begin && same < b.size() - begin && a[a.size() - same - 1] == b[b.size() - same - 1]) ++same;
  const auto rows = a.size() - begin - same, columns = b.size() - begin - same;
  if ((rows + 1) * (columns + 1) <= cells_max) {
    // The longest common subsequence of what is between.
    const auto width = columns + 1;
    std::vector<std::uint32_t> common((rows + 1) * width);
    for (auto i = rows; i-- > 0;)
      for (auto j = columns; j-- > 0;)
        common[i * width + j] = a[begin + i] == b[begin + j]
                                    ? common[(i + 1) * width + j + 1] + 1
                                    : std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
    for (std::size_t i = 0, j = 0; i < rows && j < columns;) {
      if (a[begin + i] == b[begin + j])
        pairs.emplace_back(begin + i++, begin + j++);
      else if (common[(i + 1) * width + j] >= common[i * width + j + 1])
        ++i;
      else
        ++j;
    }
  }
  for (auto left = same; left > 0; --left) pairs.emplace_back(a.size() - left, b.size() - left);
  return pairs;
}

}  // namespace tidings::scaffold
