#include "testing/servers/temporary_folder.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

namespace tidings::testing {

Result<TemporaryFolder> TemporaryFolder::make(std::string_view name) {
  std::error_code error;
  auto path = (std::filesystem::temp_directory_path(error) / ("tidings-" + std::string(name) + "-XXXXXX")).string();
  if (error || ::mkdtemp(path.data()) == nullptr) return Error{"io_error", "no temporary folder at " + path};
  return TemporaryFolder(std::move(path));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}

TemporaryFolder& TemporaryFolder::operator=(TemporaryFolder&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

Result<> TemporaryFolder::write(const std::string& name, std::string_view text) const {
  std::ofstream file(path_ + "/" + name, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (!file) return Error{"io_error", "cannot write " + path_ + "/" + name};
  return {};
}

}  // namespace tidings::testing
