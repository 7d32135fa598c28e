#include "dashboard/page_files.hpp"

namespace tidings::dashboard {

std::span<const PageFile> page_files() {
  return {};
}

}  // namespace tidings::dashboard
