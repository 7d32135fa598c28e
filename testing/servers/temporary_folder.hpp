#pragma once

#include <string>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings::testing {

/// A folder of a test's own under the system's temporary folder; it goes with this, and all that is in it.
class TemporaryFolder {
 public:
  /// Error `io_error`.
  static Result<TemporaryFolder> make(std::string_view name);
  ~TemporaryFolder();
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&& other) noexcept;

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Writes a file in it. Error `io_error`.
  Result<> write(const std::string& name, std::string_view text) const;

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace tidings::testing
