#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "service/knob.hpp"
#include "tidings/service/service.hpp"

namespace tidings::service {

/// A value that somebody gave to a setting.
struct Given {
  enum class Type { text, whole, boolean, other };
  std::string path;  ///< `handlers.reserve-stock.concurrency`
  std::string text;
  std::string where;       ///< `inventory.toml:4`, `TIDINGS_BROKER`, `--broker`
  Type type = Type::text;  ///< as written in a file; elsewhere everything is text
  bool from_text = true;   ///< flags and environment: the text may mean any type
};

/// What file, environment and flags say, the later over the earlier. Errors: `invalid_setting`, with the place.
class Settings {
 public:
  /// What is known: Tidings' own settings, and the user's. Error: a name is taken.
  static Result<Settings> make(std::string service, std::span<const Setting> own);

  /// `NAME.toml` in the current folder, if it is there; or `path`, which must be.
  Result<> read_file(const std::optional<std::string>& path);
  Result<> read_environment(const char* const* environment);
  /// Takes `--config` first, wherever it stands. `help()` tells of `--help`.
  Result<> read_flags(std::span<const char* const> arguments);
  Result<> set(Given given);

  /// File, environment, flags.
  static Result<Settings> read(std::string service, std::span<const Setting> own,
                               std::span<const char* const> arguments, const char* const* environment);

  [[nodiscard]] bool help() const { return help_; }
  [[nodiscard]] bool describe() const { return describe_; }                             ///< `--describe`
  [[nodiscard]] bool diagrams() const { return diagrams_; }                             ///< `--describe=mermaid`
  [[nodiscard]] const std::optional<std::string>& rebuild() const { return rebuild_; }  ///< `--rebuild NAME`
  [[nodiscard]] bool anew() const { return anew_; }                                     ///< `--anew`
  [[nodiscard]] std::string help_text() const;

  /// The text of a setting, or its default.
  [[nodiscard]] std::string_view text(std::string_view path) const;
  [[nodiscard]] bool known(std::string_view path) const;
  [[nodiscard]] bool given(std::string_view path) const { return find(path) != nullptr; }
  [[nodiscard]] Duration duration(std::string_view path) const;
  [[nodiscard]] std::size_t whole(std::string_view path) const;
  [[nodiscard]] bool boolean(std::string_view path) const { return text(path) == "true"; }

  /// `options`, with what `[handlers.NAME]` says.
  [[nodiscard]] HandlerOptions handler(std::string_view name, HandlerOptions options) const;
  /// Error where a `[handlers.NAME]` has no handler.
  [[nodiscard]] Result<> check_handlers(std::span<const std::string> names) const;

 private:
  [[nodiscard]] const Given* find(std::string_view path) const;
  [[nodiscard]] const Knob* knob(std::string_view path) const;
  [[nodiscard]] std::vector<std::string> known() const;
  [[nodiscard]] Error unknown(std::string_view what, std::string_view name, const std::string& where,
                              std::span<const std::string> known) const;

  std::string service_;
  std::vector<Knob> knobs_;
  std::vector<Given> given_;
  std::optional<std::string> file_;  // that was read
  bool help_ = false;
  bool describe_ = false;
  bool diagrams_ = false;
  std::optional<std::string> rebuild_;
  bool anew_ = false;
};

/// All of a settings file, or of a pipe, for which it waits so long at most. At most 1 MiB.
Result<std::string> read_settings_text(const std::string& path, Duration wait_max = std::chrono::seconds{5});
/// A file's settings, flattened; `version` is checked and left out. In a .cpp of its own: the parser is heavy.
Result<std::vector<Given>> read_toml(const std::string& path);

}  // namespace tidings::service
