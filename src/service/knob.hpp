#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/result.hpp"

namespace tidings::service {

/// A setting that exists: what it is called, what it takes, what it is without anybody's doing.
struct Knob {
  enum class Kind { text, name, whole, duration, boolean, choice, start };
  std::string path;  ///< `log_level`; of a handler: `handlers.*.concurrency`
  Kind kind = Kind::text;
  std::string fallback;
  std::string help;
  std::size_t least = 0;
  std::size_t most = 0;  ///< of `whole`; of `duration` in seconds
  std::vector<std::string> choices{};
  bool own = false;  ///< the user's
  bool secret = false;

  /// `text` as this setting takes it. The message says what would be right, after "must be".
  [[nodiscard]] Result<> check(std::string_view text) const;
  /// How it is written: "a whole number from 1 to 256".
  [[nodiscard]] std::string wanted() const;
};

/// Tidings' own settings of a service, and those of a handler (path `handlers.*.…`).
[[nodiscard]] std::span<const Knob> own_knobs();

/// Whether two paths are the same setting: `-` and `_` are not told apart, nor is case.
[[nodiscard]] bool same_path(std::string_view a, std::string_view b);
/// Lower case, `-` for `_`.
[[nodiscard]] std::string normal_path(std::string_view path);

/// A value as it may be shown: a URL without its password.
[[nodiscard]] std::string without_password(std::string_view text);

}  // namespace tidings::service
