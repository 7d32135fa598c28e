#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

#include "log/verify_testing.hpp"

// Every bit of a small log is flipped, one after the other: it is found, or no reader sees a difference.
namespace tidings::log {
namespace {

/// All that a reader, and who opens the log next, sees of it.
std::string seen_by_readers(SmallLog& log) {
  auto directory = LogDirectory::open(log.path, {.log = &log.silent});
  if (!directory) return "log: " + directory.error().code;
  auto topic = (*directory)->find("orders");
  if (!topic || !*topic) return "topic";
  std::string seen = std::to_string((*topic)->meta().partitions) + " " +
                     std::string(to_string((*topic)->meta().durability)) + " " +
                     std::to_string((*topic)->meta().event_bytes_max);
  auto partition = log.try_open();
  if (!partition) return seen + " partition: " + partition.error().code;
  if (auto synced = (*partition)->sync_to((*partition)->committed(), std::chrono::seconds{10}); !synced)
    return seen + " sync: " + synced.error().code;
  Cursor cursor(**partition);
  while (true) {
    auto item = cursor.next((*partition)->visible_end());
    if (!item) return seen + " " + item.error().code;
    if (!*item) break;
    seen += " " + std::to_string((*item)->offset) + ":" + std::string((*item)->envelope.id) + "=" +
            std::string((*item)->envelope.payload) + std::to_string((*item)->appended.time_since_epoch().count());
  }
  // By the indexes too.
  for (std::uint64_t offset = 0; offset < (*partition)->visible_end(); ++offset) {
    Cursor other(**partition);
    other.seek(offset);
    auto item = other.next((*partition)->visible_end());
    if (!item) return seen + " " + item.error().code;
    auto first = (*partition)->first_at((*item)->appended);
    seen += " " + std::to_string((*item)->offset) + (first ? "@" + std::to_string(*first) : first.error().code);
  }
  auto groups = (*topic)->groups();
  if (!groups) return seen + " groups: " + groups.error().code;
  for (const auto& name : *groups) {
    auto group = (*topic)->group(name, false);
    if (!group) return seen + " group: " + group.error().code;
    auto record = group->read(0);
    if (!record) return seen + " record: " + record.error().code;
    seen += " " + name + "=" + (*record ? std::to_string((*record)->position) : "none");
  }
  return seen;
}

std::map<std::string, std::string> files_of(const std::string& path) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
    if (entry.is_regular_file())
      files[entry.path().string().substr(path.size() + 1)] = read_file(entry.path().string()).or_throw();
  return files;
}

void restore(const SmallLog& log, const std::map<std::string, std::string>& files) {
  for (const auto& [name, bytes] : files_of(log.path))
    if (!files.contains(name)) std::filesystem::remove(log.path + "/" + name);
  for (const auto& [name, bytes] : files) overwrite(log.path + "/" + name, bytes);
}

/// Of every `step`th byte; of the zeros behind all frames, which are alike, fewer. Left out is what nobody reads: the
/// rest of the control files, and the generations of slots.
void flip_every_bit(bool durable, bool rebooted, std::size_t step) {
  SmallLog log(durable);
  log.fill(16, std::string(150, 'p'));
  log.write_record("audit", {.sequence = 1, .position = 3, .epoch = 2});
  log.write_record("audit", {.sequence = 2, .position = 7, .epoch = 2});
  const auto whole = seen_by_readers(log);  // and makes the indexes
  if (rebooted) log.reboot();
  const auto files = files_of(log.path);
  ASSERT_EQ(std::ranges::count_if(files, [](const auto& file) { return file.first.ends_with(".idx"); }), 1);
  ASSERT_EQ(log.told(), "");
  EXPECT_EQ(seen_by_readers(log), whole);
  restore(log, files);
  std::size_t found = 0, harmless = 0;
  for (const auto& [name, bytes] : files) {
    if (name == "slots.lock" || name == "orders/control") continue;
    const auto size = name.ends_with("/control") ? sizeof(Control) : bytes.size();
    const auto path = log.path + "/" + name;
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    for (std::size_t at = 0; at < size; at += bytes.find_first_not_of('\0', at) == bytes.npos ? 16 : step) {
      bool is_new = true;
      for (int bit = 0; bit < 8; ++bit) {
        const char flipped = static_cast<char>(bytes[at] ^ 1 << bit);
        ASSERT_EQ(::pwrite(fd, &flipped, 1, static_cast<off_t>(at)), 1);
        const bool is_found = !log.verify().empty();
        found += is_found ? 1 : 0;
        harmless += is_found ? 0 : 1;
        // The slow look is for one of a byte, and of zeros, which are behind all frames, for a few.
        if (!is_found && is_new && (bytes[at] != 0 || at % 128 == 0 || name.ends_with("control"))) {
          is_new = false;
          EXPECT_EQ(seen_by_readers(log), whole) << name << " byte " << at << " bit " << bit;
          restore(log, files);
        }
      }
      ASSERT_EQ(::pwrite(fd, &bytes[at], 1, static_cast<off_t>(at)), 1);
    }
    ::close(fd);
  }
  // Segments and records are full of checksums; the room behind them, and the hints, are not.
  EXPECT_GT(found * step, 25'000U);
  EXPECT_GT(harmless, 200U);
}

TEST(VerifyBits, OfADurableTopic) {
  flip_every_bit(true, false, 1);
}
TEST(VerifyBits, OfADurableTopicAfterAReboot) {
  flip_every_bit(true, true, 7);
}
TEST(VerifyBits, OfATopicInMemory) {
  flip_every_bit(false, false, 5);
}
TEST(VerifyBits, OfATopicInMemoryAfterAReboot) {
  flip_every_bit(false, true, 7);
}

/// What the next process to open the log makes of it: all 40 events, some of them, or a refusal.
std::string recovered(SmallLog& log) {
  auto partition = log.try_open();
  if (!partition) return partition.error().code == "corrupt" ? "error" : partition.error().code;
  auto ids = read_ids(**partition);
  if (!ids) return ids.error().code == "corrupt" ? "error" : ids.error().code;
  const bool is_prefix = ids->size() <= 40 && *ids == numbers(0, ids->size());
  return !is_prefix ? "wrong events" : ids->size() == 40 ? "whole" : "torn";
}

/// After a reboot: damage is what recovery or a reader refuses, torn is what recovery takes out, and nothing else.
void compare_with_recovery(bool durable) {
  SmallLog log(durable);
  log.fill(40);
  log.reboot();
  const auto files = files_of(log.path);
  std::map<std::string, int> verdicts;
  for (const auto first : log.firsts()) {
    for (std::size_t at = first % 13; at < 4096; at += 23) {
      log.flip(log.segment(first), at, static_cast<int>(at % 8));
      const auto found = log.verify();
      const auto is = [&](Severity severity) {
        return std::ranges::any_of(found, [&](const Finding& one) { return one.severity == severity; });
      };
      const std::string verdict = is(Severity::error) ? "error" : is(Severity::torn) ? "torn" : "whole";
      const auto really = recovered(log);
      // What is torn may be bytes behind all events.
      if (verdict != really && !(verdict == "torn" && really == "whole"))
        ADD_FAILURE() << "segment " << first << " byte " << at << ": verify says " << verdict << " ("
                      << (found.empty() ? "" : found.front().code) << "), recovery and readers " << really;
      ++verdicts[verdict];
      restore(log, files);
    }
  }
  EXPECT_GT(verdicts["error"], 100);
  EXPECT_GT(verdicts["torn"], 10);
  EXPECT_GT(verdicts["whole"], 10);
}

TEST(VerifyBits, DamageIsWhatRecoveryRefusesInADurableTopic) {
  compare_with_recovery(true);
}
TEST(VerifyBits, DamageIsWhatRecoveryRefusesInATopicInMemory) {
  compare_with_recovery(false);
}

}  // namespace
}  // namespace tidings::log
