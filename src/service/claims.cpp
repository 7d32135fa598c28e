#include "service/claims.hpp"

#include <array>
#include <charconv>
#include <filesystem>
#include <string_view>

#include "tidings/base/atomic_file.hpp"
#include "tidings/base/hex.hpp"
#include "tidings/base/key_hash.hpp"
#include "tidings/base/text.hpp"
#include "tidings/service/names.hpp"

namespace tidings::service {

namespace {

constexpr std::string_view marker = "tidings-claims";
constexpr std::string_view suffix = ".payload";
constexpr std::string_view draft_suffix = ".payload~";     // as `write_file_atomically` has it
constexpr Duration draft_age_max = std::chrono::hours{1};  // whoever writes it would have ended long ago
constexpr std::size_t digits = 16;

std::string hex(std::uint64_t number) {
  std::array<char, digits> text{};
  write_hex(text.data(), number);
  return {text.begin(), text.end()};
}

/// A file's name: the event's identity and the payload's, so that the same is deposited once, and no text of others
/// becomes a path.
std::string name_of(const EnvelopeView& event) {
  return hex(key_hash(std::string(event.source) + '\n' + std::string(event.id))) + hex(key_hash(event.payload));
}

bool is_name(std::string_view name) {
  return name.size() == 2 * digits && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Of a payload, or of its draft.
bool is_file(std::string_view name, std::string_view end) {
  return name.ends_with(end) && is_name(name.substr(0, name.size() - end.size()));
}

}  // namespace

std::string Claims::path_of(std::string_view name) const {
  return folder_ + "/" + std::string(name.substr(0, 2)) + "/" + std::string(name) + std::string(suffix);
}

Envelope Claims::ticket(const EnvelopeView& event) const {
  auto shell = event;
  shell.payload = {};
  Envelope made(shell);
  made.headers.set(claim::name, name_of(event));
  made.headers.set(claim::size, std::to_string(event.payload.size()));
  return made;
}

Result<> Claims::create() const {
  std::error_code problem;
  if (std::filesystem::create_directories(folder_, problem))
    if (const auto above = std::filesystem::path(folder_).parent_path(); !above.empty())
      if (auto synced = sync_folder(above.string()); !synced) return synced;
  if (is_there()) return {};
  return write_file_atomically(folder_ + "/" + std::string(marker), "");
}

Result<> Claims::is_there() const {
  std::error_code problem;
  if (std::filesystem::exists(folder_ + "/" + std::string(marker), problem)) return {};
  return Error{"no_claim_folder",
               folder_ + " has no file " + std::string(marker) +
                   ": nothing is mounted there, or it is new; mount it, or have one service make it "
                   "(claim_check.create = true)",
               Retry::same_call};
}

Result<> Claims::deposit(const EnvelopeView& event) const {
  const auto name = name_of(event);
  const auto path = path_of(name);
  std::error_code problem;
  // Of an attempt before: as young as if it were written now.
  std::filesystem::last_write_time(path, std::chrono::file_clock::now(), problem);
  if (!problem) return {};
  if (auto there = is_there(); !there) return there;
  std::filesystem::create_directory(std::filesystem::path(path).parent_path(), problem);
  if (auto written = write_file_atomically(path, event.payload); !written) return written;
  std::size_t subfolder = 0;
  (void)std::from_chars(name.data(), name.data() + 2, subfolder, 16);
  if (synced_[subfolder]) return {};
  if (auto synced = sync_folder(folder_); !synced) return synced;
  synced_[subfolder] = true;
  return {};
}

Result<> Claims::may_wait(TimePoint due) const {
  if (keep_ <= Duration::zero() || due <= clock_.now() + keep_) return {};
  return Error{"invalid_event", "it is due at " + to_rfc3339(due) +
                                    ", when its payload, which waits in claim_check.folder, is kept no longer; "
                                    "claim_check.keep is " +
                                    to_text(std::chrono::ceil<std::chrono::milliseconds>(keep_))};
}

bool Claims::is_ticket(const EnvelopeView& event) {
  return !event.headers.empty() && event.headers.get(claim::name).has_value();
}

Result<std::string> Claims::redeem(const EnvelopeView& event) const {
  const auto name = event.headers.get(claim::name).value_or("");
  const auto size_text = event.headers.get(claim::size).value_or("");
  std::size_t size = 0;
  const auto parsed = std::from_chars(size_text.data(), size_text.data() + size_text.size(), size);
  if (!is_name(name) || parsed.ec != std::errc{} || parsed.ptr != size_text.data() + size_text.size())
    return Error{"claim_damaged", "the event's ticket for its payload cannot be read: '" + printable(name) + "', '" +
                                      printable(size_text) + "'"};
  if (folder_.empty())
    return Error{"no_claim_folder",
                 "the event's payload is in a folder; set claim_check.folder to that of its producer"};
  const auto path = path_of(name);
  auto payload = read_file(path);
  if (!payload) {
    if (payload.error().code != "not_found") return payload;
    if (auto there = is_there(); !there) return there.error();
    return Error{"claim_missing",
                 path + " is not there; is claim_check.folder that of the producer, and claim_check.keep long enough?",
                 Retry::same_call};
  }
  if (payload->size() != size)
    return Error{"claim_damaged", path + " is not what was published: it has " + std::to_string(payload->size()) +
                                      " bytes, and had " + std::to_string(size)};
  if (hex(key_hash(*payload)) != name.substr(digits))
    return Error{"claim_damaged", path + " is not what was published: its bytes differ, though not their number"};
  return payload;
}

std::size_t Claims::sweep() const {
  if (folder_.empty()) return 0;
  std::size_t removed = 0;
  std::error_code problem;
  const auto now = clock_.now();
  for (auto entry = std::filesystem::recursive_directory_iterator(folder_, problem);
       !problem && entry != std::filesystem::recursive_directory_iterator(); entry.increment(problem)) {
    const auto name = entry->path().filename().string();
    const bool is_draft = is_file(name, draft_suffix);
    if (!is_draft && (keep_ <= Duration::zero() || !is_file(name, suffix))) continue;
    std::error_code each;
    const auto written = std::chrono::file_clock::to_sys(entry->last_write_time(each));
    if (each || TimePoint{written.time_since_epoch()} >= now - (is_draft ? draft_age_max : keep_)) continue;
    if (std::filesystem::remove(entry->path(), each) && !is_draft) ++removed;
  }
  return removed;
}

}  // namespace tidings::service
