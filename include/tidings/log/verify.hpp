#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "tidings/base/file_system.hpp"
#include "tidings/base/log_sink.hpp"
#include "tidings/base/result.hpp"

namespace tidings::log {

/// How much a finding weighs.
enum class Severity {
  note,   ///< worth knowing; nothing is wrong with any event
  torn,   ///< what a power cut or a kill left unfinished: the next to open the partition moves it to quarantine
  error,  ///< damage: something is lost, or whoever uses the log is refused
};
[[nodiscard]] std::string_view to_string(Severity severity);

/// One thing that `verify_log` found.
struct Finding {
  Severity severity = Severity::error;
  std::string code;                     ///< a stable word for programs: `bad_checksum`
  std::string file;                     ///< from the log's directory on: `orders/0/00000000000000000000.log`
  std::optional<std::uint64_t> byte;    ///< where in the file
  std::optional<std::uint64_t> offset;  ///< the event that stands there, or should
  std::string why;                      ///< a sentence without its full stop
};

/// How far `verify_log` is.
struct VerifyProgress {
  std::uint64_t bytes = 0;
  std::uint64_t bytes_total = 0;  ///< of segments
  std::uint64_t events = 0;
};

/// What `verify_log` looked at, and how much it found.
struct VerifySummary {
  std::uint64_t topics = 0;
  std::uint64_t partitions = 0;  ///< that are there
  std::uint64_t segments = 0;
  std::uint64_t groups = 0;
  std::uint64_t events = 0;      ///< that are whole
  std::uint64_t bytes = 0;       ///< of segments
  std::uint64_t in_use = 0;      ///< partitions that some process has open: judged up to the committed end
  std::uint64_t to_recover = 0;  ///< partitions that the next to open them recovers: after a reboot, or copied
  std::uint64_t notes = 0;
  std::uint64_t torn = 0;
  std::uint64_t errors = 0;
  std::uint64_t denied = 0;  ///< of the errors: what this user may not read, so that nothing is known of it
};

struct VerifyOptions {
  FileSystem* files = &system_files();
  /// Gets every finding, partition by partition, in the order of the files.
  std::function<void(const Finding&)> on_finding;
  /// Called every few hundred KiB; false ends the verifying.
  std::function<bool(const VerifyProgress&)> on_progress;
};

/// Reads every file of the log in `path` and tells what is wrong with it. Changes nothing, takes no lock, opens nothing
/// for writing: the log may be in use (then what stands behind the committed end is not judged), lie on a read-only
/// disk, or be a copy from another machine. Memory is bounded whatever the files say.
///
/// Errors: `not_a_log` (never) where there is none, `interrupted` where `on_progress` said so, and those of
/// `Directory`. What is wrong with the files is no error of the call.
[[nodiscard]] Result<VerifySummary> verify_log(const std::string& path, const VerifyOptions& options = {});

struct RepairOptions {
  FileSystem* files = &system_files();
  LogSink* log = &stderr_log();  ///< hears what recovery moved where
  bool any_file_system = false;  ///< also such as other machines may write to: then nothing is promised
};

/// Lets recovery move the torn tail of a partition to quarantine, as the next process to open it after a reboot would.
/// The partition is verified first: where anything else is wrong with it, nothing is done.
///
/// Errors: `corrupt` (never) where it is damaged, with the first thing that was found, `in_use` (same call) where a
/// process has it open, `unknown_topic`, `unknown_partition` (never): nothing was done. And those of opening the log.
[[nodiscard]] Result<> move_torn_tail(const std::string& path, const std::string& topic, std::uint32_t partition,
                                      const RepairOptions& options = {});

}  // namespace tidings::log
