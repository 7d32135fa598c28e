#pragma once

#include <string>
#include <string_view>

namespace tidings::scaffold {

/// What makes `before` into `after`, as `diff -u` writes it, with three lines around; empty where they are the same.
[[nodiscard]] std::string difference(const std::string& path, std::string_view before, std::string_view after);

}  // namespace tidings::scaffold
