#include "dashboard/audit_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "dashboard/event_json.hpp"
#include "json_line.hpp"
#include "output.hpp"

namespace tidings::cli {

AuditLog::~AuditLog() {
  if (file_ >= 0) ::close(file_);
}

Result<> AuditLog::open(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0)
    return Error{"io_error", "cannot append to the audit log " + path + ": " + std::strerror(errno) +
                                 "; name another file with --audit-log"};
  file_ = file;
  path_ = path;
  return {};
}

Result<> AuditLog::add(const Entry& entry, TimePoint now) {
  // Whoever looks at the file on a terminal is not harmed by what somebody put into a key.
  const auto line = harmless_json(JsonLine()
                                      .add("time", to_rfc3339(std::chrono::floor<std::chrono::milliseconds>(now)))
                                      .add("actor", well_formed(entry.actor))
                                      .add("action", well_formed(entry.action))
                                      .raw("arguments", json_on_a_line(entry.arguments))
                                      .add("outcome", entry.outcome)
                                      .add("message", well_formed(entry.message))
                                      .str());
  const std::scoped_lock lock(mutex_);
  lines_.push_front(line);
  if (lines_.size() > kept) lines_.pop_back();
  if (file_ < 0) return {};
  unwritten_ += line + "\n";
  return write();
}

Result<> AuditLog::ready() {
  const std::scoped_lock lock(mutex_);
  return file_ < 0 || unwritten_.empty() ? Result<>{} : write();
}

Result<> AuditLog::write() {
  const auto error_of = [&](const char* what) {
    return Error{"audit_failed",
                 std::string("cannot ") + what + " the audit log " + path_ + ": " + std::strerror(errno),
                 Retry::same_call};
  };
  while (!unwritten_.empty()) {
    const auto put = ::write(file_, unwritten_.data(), unwritten_.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return error_of("write");
    unwritten_.erase(0, static_cast<std::size_t>(put));
  }
  if (::fdatasync(file_) != 0 && errno != EINVAL && errno != EROFS) return error_of("sync");  // a pipe has none
  return {};
}

std::string AuditLog::json() const {
  const std::scoped_lock lock(mutex_);
  std::string out;
  for (const auto& line : lines_) out += (out.empty() ? "" : ",") + line;
  return R"({"entries":[)" + out + "]}";
}

}  // namespace tidings::cli
