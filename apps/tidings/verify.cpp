#include "tidings/log/verify.hpp"

#include "commands.hpp"
#include "interrupt.hpp"
#include "json_line.hpp"
#include "log_folder.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "repairing.hpp"
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
std::string_view verdict(const log::VerifySummary& sum, std::uint64_t repaired) {
  return sum.errors > sum.denied ? "damaged" : sum.denied > 0 ? "unread" : sum.torn > repaired ? "torn" : "whole";
}

std::string to_text(const Repairing::Repaired& one) {
  return "repaired  " + printable(one.partition) + "\n       " + printable(one.what) + "\n";
}

std::string to_json(const Repairing::Repaired& one) {
  return JsonLine().add("repaired", printable(one.partition)).add("what", printable(one.what)).str() + "\n";
}

std::string to_json(const log::VerifySummary& sum, std::uint64_t repaired) {
  return JsonLine()
             .add("verified", verdict(sum, repaired))
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
             .add("repaired", repaired)
             .add("notes", sum.notes)
             .str() +
         "\n";
}

std::string to_text(const log::VerifySummary& sum, std::uint64_t repaired) {
  std::string text(verdict(sum, repaired));
  const auto torn = sum.torn - repaired;
  if (sum.errors > sum.denied) text += ": " + counted(sum.errors - sum.denied, "error");
  if (sum.denied > 0) text += (text == "unread" ? ": " : ", ") + std::to_string(sum.denied) + " that you may not read";
  if (torn > 0) text += (sum.errors == 0 ? ": " : ", ") + std::to_string(torn) + " unfinished";
  if (repaired > 0) text += ", " + std::to_string(repaired) + " repaired";
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

}  // namespace

int verify(const Common& common, const VerifyArguments& arguments) {
  auto path = log_folder(common, arguments.folder);
  if (!path) return fail(path.error());
  catch_signals();
  std::optional<Progress> progress;
  bool is_read = true;  // what it prints, by somebody
  Result<> written;
  Repairing repairing(on_any_file_system(common, arguments.folder));
  const auto put = [&](const std::string& text) {
    if (!is_read) return;
    if (progress) progress->hide();
    written = write_out(text);
    is_read = written.has_value();
  };
  log::VerifyOptions options;
  options.on_finding = [&](const log::Finding& finding) {
    repairing.found(finding);
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
  if (arguments.repair)
    repairing.run(*path, [&](const Repairing::Repaired& one) { put(common.json ? to_json(one) : to_text(one)); });
  put(common.json ? to_json(*summary, repairing.repaired()) : to_text(*summary, repairing.repaired()));
  if (!written && written.error().code != "closed_pipe") {
    complain(written.error());
    return status_after_signals(failed);
  }
  return summary->errors > 0 || repairing.left_any() ? failed : done;
}

}  // namespace tidings::cli
