#include "tidings/log/verify.hpp"

#include <algorithm>
#include <map>

#include "commands.hpp"
#include "interrupt.hpp"
#include "json_line.hpp"
#include "log_folder.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {
namespace {

namespace log = tidings::log;

std::string counted(std::uint64_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

std::string size_text(std::uint64_t bytes) {
  static constexpr const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(units); ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text;
}

/// `error  orders/0/….log  byte 64, offset 0`, and the reason below it.
std::string to_text(const log::Finding& finding) {
  std::string where = printable(finding.file);
  if (finding.byte) where += "  byte " + std::to_string(*finding.byte);
  if (finding.offset) where += std::string(finding.byte ? "," : " ") + " offset " + std::to_string(*finding.offset);
  std::string level(log::to_string(finding.severity));
  level.resize(5, ' ');
  return level + "  " + where + "\n       " + finding.code + ": " + printable(finding.why) + "\n";
}

std::string to_json(const log::Finding& finding) {
  JsonLine line;
  line.add("severity", log::to_string(finding.severity)).add("code", finding.code).add("file", printable(finding.file));
  if (finding.byte) line.add("byte", *finding.byte);
  if (finding.offset) line.add("offset", *finding.offset);
  return line.add("why", printable(finding.why)).str() + "\n";
}

/// What this user may not read is no damage, but nothing is known of it.
std::string_view verdict(const log::VerifySummary& sum) {
  return sum.errors > sum.denied ? "damaged" : sum.denied > 0 ? "unread" : sum.torn > 0 ? "torn" : "whole";
}

std::string to_json(const log::VerifySummary& sum) {
  return JsonLine()
             .add("verified", verdict(sum))
             .add("topics", sum.topics)
             .add("partitions", sum.partitions)
             .add("segments", sum.segments)
             .add("groups", sum.groups)
             .add("events", sum.events)
             .add("bytes", sum.bytes)
             .add("in_use", sum.in_use)
             .add("to_recover", sum.to_recover)
             .add("errors", sum.errors)
             .add("denied", sum.denied)
             .add("torn", sum.torn)
             .add("notes", sum.notes)
             .str() +
         "\n";
}

std::string to_text(const log::VerifySummary& sum) {
  std::string text(verdict(sum));
  if (sum.errors > sum.denied) text += ": " + counted(sum.errors - sum.denied, "error");
  if (sum.denied > 0) text += (text == "unread" ? ": " : ", ") + std::to_string(sum.denied) + " that you may not read";
  if (sum.errors == 0 && sum.torn > 0) text += ": " + std::to_string(sum.torn) + " unfinished";
  if (sum.errors > 0 && sum.torn > 0) text += ", " + std::to_string(sum.torn) + " unfinished";
  if (sum.notes > 0) text += ", " + counted(sum.notes, "note");
  text += "; " + counted(sum.events, "event") + " and " + counted(sum.groups, "group") + " in " +
          counted(sum.topics, "topic") + ", " + size_text(sum.bytes) + " in " + counted(sum.segments, "segment") + "\n";
  if (sum.in_use > 0)
    text += counted(sum.in_use, "partition") + (sum.in_use == 1 ? " is" : " are") +
            " in use; what stands behind the committed end is not judged\n";
  if (sum.to_recover > 0)
    text += counted(sum.to_recover, "partition") + (sum.to_recover == 1 ? " was" : " were") +
            " left by another boot or machine; whoever opens the log next recovers " +
            (sum.to_recover == 1 ? "it" : "them") + "\n";
  return text;
}

/// What is wrong in a partition, for --repair.
struct Wrong {
  bool is_torn = false;
  bool is_damaged = false;
};

/// `orders/0` of `orders/0/….log`; empty for what belongs to no partition.
std::string partition_of(const std::string& file) {
  const auto topic = file.find('/');
  const auto number = topic == file.npos ? file.npos : file.find('/', topic + 1);
  const auto digits = number == file.npos ? std::string() : file.substr(topic + 1, number - topic - 1);
  return digits.empty() || digits.find_first_not_of("0123456789") != digits.npos ? std::string()
                                                                                 : file.substr(0, number);
}

/// Returns whether nothing torn is left.
bool repair(const std::string& path, bool any_file_system, const std::map<std::string, Wrong>& partitions) {
  bool all = true;
  for (const auto& [name, wrong] : partitions) {
    if (!wrong.is_torn) continue;
    if (wrong.is_damaged) {
      complain(name + " is damaged: its torn tail is left as it is");
      all = false;
      continue;
    }
    const auto slash = name.rfind('/');
    auto moved =
        log::move_torn_tail(path, name.substr(0, slash), static_cast<std::uint32_t>(std::stoul(name.substr(slash + 1))),
                            {.any_file_system = any_file_system});
    if (moved) continue;
    complain(moved.error());
    all = false;
  }
  return all;
}

}  // namespace

int verify(const Common& common, const VerifyArguments& arguments) {
  auto path = log_folder(common, arguments.folder);
  if (!path) return fail(path.error());
  catch_signals();
  std::optional<Progress> progress;
  bool is_read = true;  // what it prints, by somebody
  Result<> written;
  std::map<std::string, Wrong> partitions;
  const auto put = [&](const std::string& text) {
    if (!is_read) return;
    if (progress) progress->hide();
    written = write_out(text);
    is_read = written.has_value();
  };
  log::VerifyOptions options;
  options.on_finding = [&](const log::Finding& finding) {
    if (const auto name = partition_of(finding.file); !name.empty()) {
      partitions[name].is_torn |= finding.severity == log::Severity::torn;
      partitions[name].is_damaged |= finding.severity == log::Severity::error;
    }
    put(common.json ? to_json(finding) : to_text(finding));
  };
  options.on_progress = [&](const log::VerifyProgress& now) {
    if (!progress) progress.emplace(now.bytes_total);
    progress->show(now.bytes, now.events);
    return caught_signal() == 0;
  };
  auto summary = log::verify_log(*path, options);
  progress.reset();
  if (!summary && caught_signal() != 0) return status_after_signals(failed);
  if (!summary) return fail(why_no_log(summary.error(), *path));
  put(common.json ? to_json(*summary) : to_text(*summary));
  if (!written && written.error().code != "closed_pipe") {
    complain(written.error());
    return status_after_signals(failed);
  }
  if (arguments.repair && summary->torn > 0 && !repair(*path, on_any_file_system(common, arguments.folder), partitions))
    return failed;
  return summary->errors > 0 ? failed : done;
}

}  // namespace tidings::cli
