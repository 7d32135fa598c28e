#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "log/layout.hpp"
#include "tidings/base/durability.hpp"
#include "tidings/base/file_system.hpp"

namespace tidings::log {

/// The number that a partition's folder is called by; nullopt for every other name.
[[nodiscard]] std::optional<std::uint32_t> partition_number(std::string_view name);

/// What a log's folder holds, seen from outside.
struct LogFolder {
  std::vector<std::pair<std::string, std::unique_ptr<Directory>>> topics;  ///< also those without a topic.meta
  std::vector<std::pair<std::string, std::optional<Error>>> others;        ///< with the error where a folder is closed
  bool has_slots = false;
};
/// Errors: `not_a_log` (never), and those of `Directory`.
[[nodiscard]] Result<LogFolder> list_log(Directory& log);

/// Whether it is a log's folder: the cheaper question. Errors as `list_log`.
Result<> check_is_log(Directory& log);

/// What is wrong with a `topic.meta`.
struct MetaProblem {
  std::string code;
  std::uint64_t byte = 0;
  std::string why;
};
/// Looks at what was read of it, `size` bytes.
[[nodiscard]] std::optional<MetaProblem> problem_of(const MetaFile& meta, std::size_t size);

/// A `topic.meta` that could be read.
struct MetaSeen {
  MetaFile meta;
  std::uint64_t size = 0;
  std::optional<MetaProblem> problem;

  /// Of a problem: for whoever must use the topic.
  [[nodiscard]] Error error(const Directory& topic) const;
};
/// Errors: those of `Directory` and `File`.
[[nodiscard]] Result<MetaSeen> read_meta(Directory& topic);

}  // namespace tidings::log
