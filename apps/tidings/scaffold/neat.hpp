#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidings::scaffold {

/// Without their ends; a last one that is empty is none.
[[nodiscard]] std::vector<std::string> lines_of(std::string_view text);

/// As a file should be: one blank line at most between others, none at its ends, no blanks at the ends of lines, one
/// newline at the end. In C++ (`is_cpp`) includes that stand together are sorted, each once, and no blank line stands
/// before a closing brace.
[[nodiscard]] std::string neat(std::string_view text, bool is_cpp);

}  // namespace tidings::scaffold
