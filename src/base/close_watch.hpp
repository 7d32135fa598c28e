#pragma once

#include <memory>
#include <string>

#include "tidings/base/file_system.hpp"

namespace tidings {

/// By inotify, over the file that the descriptor `fd` has open; a child of a fork has it closed.
[[nodiscard]] Result<std::unique_ptr<CloseWatch>> system_close_watch(int fd, const std::string& path);

}  // namespace tidings
