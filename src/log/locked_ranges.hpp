#pragma once

#include <functional>

#include "tidings/base/file_system.hpp"

namespace tidings::log {

/// Calls `see` with each lock of others that meets `range`, cut to it, in no order; neighbouring bytes of one open file
/// come as one. Errors: those of `File`.
[[nodiscard]] Result<> for_each_lock(File& file, File::Range range, const std::function<void(File::Range)>& see);

}  // namespace tidings::log
