#include "dashboard/audit_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "dashboard/event_json.hpp"
#include "json_line.hpp"
#include "output.hpp"
#include "tidings/base/atomic_file.hpp"

namespace tidings::cli {

AuditLog::~AuditLog() {
  if (file_ >= 0) ::close(file_);
}

Result<> AuditLog::open(const std::string& path) {
  const std::scoped_lock lock(file_mutex_);
  path_ = path;
  return open_file();
}

Result<> AuditLog::open_file() {
  const auto error_of = [&](const std::string& why) {
    return Error{"io_error",
                 "cannot append to the audit log " + path_ + ": " + why + "; name another file with --audit-log"};
  };
  // Who opens a pipe must not wait for its reader.
  const int file = ::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
  if (file < 0) return error_of(std::strerror(errno));
  struct stat status{};
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(file);
    return Error{"not_a_file", path_ + " is no file that keeps what is written to it; name one with --audit-log"};
  }
  const auto folder = std::filesystem::path(path_).parent_path().string();
  if (status.st_size == 0)
    if (auto synced = sync_folder(folder.empty() ? "." : folder); !synced) {
      ::close(file);
      return error_of(synced.error().message);
    }
  // What was cut off in the middle of a line does not take the next along.
  char last = '\n';
  if (status.st_size > 0) (void)!::pread(file, &last, 1, status.st_size - 1);
  written_ = 0;
  if (unwritten_.starts_with('\n')) unwritten_.erase(0, 1);  // of a file before it
  if (last != '\n') unwritten_.insert(0, "\n");
  if (file_ >= 0) ::close(file_);
  file_ = file;
  return {};
}

/// Whoever rotates logs moves the file away, or removes it.
Result<> AuditLog::stay_in_place() {
  struct stat open{}, named{};
  if (::fstat(file_, &open) == 0 && ::stat(path_.c_str(), &named) == 0 && open.st_dev == named.st_dev &&
      open.st_ino == named.st_ino)
    return {};
  auto opened = open_file();
  if (!opened) return Error{"audit_failed", opened.error().message, Retry::same_call};
  return {};
}

Result<> AuditLog::add(const Entry& entry, TimePoint now) {
  // Whoever looks at the file on a terminal is not harmed by what somebody put into a key.
  const auto line = harmless_json(JsonLine()
                                      .add("id", entry.id)
                                      .add("time", to_rfc3339(std::chrono::floor<std::chrono::milliseconds>(now)))
                                      .add("actor", entry.actor)
                                      .add("action", entry.action)
                                      .raw("arguments", json_on_a_line(entry.arguments))
                                      .add("outcome", entry.outcome)
                                      .add("message", entry.message)
                                      .str());
  const std::scoped_lock lock(file_mutex_);
  {
    const std::scoped_lock of_lines(lines_mutex_);
    const auto asked = std::ranges::find(lines_, entry.id, &std::pair<std::string, std::string>::first);
    if (asked != lines_.end())
      asked->second = line;
    else
      lines_.emplace_front(entry.id, line);
    if (lines_.size() > kept) lines_.pop_back();
  }
  if (file_ < 0) return {};
  unwritten_ += line + "\n";
  return write();
}

Result<> AuditLog::ready() {
  const std::scoped_lock lock(file_mutex_);
  return file_ < 0 || unwritten_.size() <= 1 ? Result<>{} : write();
}

Result<> AuditLog::write() {
  const auto error_of = [&](const char* what) {
    return Error{"audit_failed",
                 std::string("cannot ") + what + " the audit log " + path_ + ": " + std::strerror(errno),
                 Retry::same_call};
  };
  if (auto stays = stay_in_place(); !stays) return stays;
  while (written_ < unwritten_.size()) {
    const auto put = ::write(file_, unwritten_.data() + written_, unwritten_.size() - written_);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return error_of("write");
    written_ += static_cast<std::size_t>(put);
  }
  if (::fdatasync(file_) != 0) return error_of("sync");
  unwritten_.clear();
  written_ = 0;
  return {};
}

std::string AuditLog::json() const {
  const std::scoped_lock lock(lines_mutex_);
  std::string out;
  for (const auto& [id, line] : lines_) out += (out.empty() ? "" : ",") + line;
  return R"({"entries":[)" + out + "]}";
}

}  // namespace tidings::cli
