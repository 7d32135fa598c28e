// Every bit of a log's files is flipped, and every file is cut at every byte; then somebody opens the log, appends,
// and reads all of it. What is damaged is refused, or was a hint that is made anew: no reader sees a wrong event, and
// none misses one without being told.
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "log/layout.hpp"
#include "scenario.hpp"
#include "torture.hpp"

namespace tidings::crash {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t segment_bytes = 64 << 10;

/// Two segments, of which one is full; each event synced, so that the next one's floor says so.
Scenario filled(bool durable) {
  Scenario scenario{.name = durable ? "Durable" : "Memory",
                    .durable = durable,
                    .segment_bytes = segment_bytes,
                    .before = {},
                    .ops = {}};
  for (std::size_t bytes = 0; bytes < segment_bytes + 12'000;) {
    const auto size = 200 + bytes * 7 % 900;
    bytes += size + 150;
    scenario.before.push_back({Scenario::Op::append, {size}});
    scenario.before.push_back({Scenario::Op::sync});
  }
  return scenario;
}

class Damage : public testing::TestWithParam<std::tuple<bool, bool>> {
 protected:
  Damage() {
    told_ = machine_.prepare();
    log::GroupRecord record;
    auto folder = machine_.disk.open("log/t/groups", false).or_throw();
    const auto slots = log::Slots::take(*machine_.disk.open("log", false).or_throw()).or_throw();
    auto group = log::GroupFile::open(*folder, "g", 1, slots.get()).or_throw();
    for (record.sequence = 1; record.sequence <= 2; ++record.sequence) {
      record.position = record.sequence * 10;
      record.handled = record.sequence * 10;
      (void)group.read(0).or_throw();
      group.write(0, record).or_throw();
    }
    if (is_rebooted()) machine_.reboot();
    whole_ = machine_.disk.take();
  }
  [[nodiscard]] static bool is_durable() { return std::get<0>(GetParam()); }
  [[nodiscard]] static bool is_rebooted() { return std::get<1>(GetParam()); }

  /// What opens, or reads, a damaged log may be told.
  static bool is_refusal(const Error& error) {
    static const std::set<std::string, std::less<>> codes{"corrupt", "newer_version", "poisoned", "outcome_unknown"};
    return codes.contains(error.code);
  }
  static std::string unless_refused(std::string_view what, const Error& error) {
    return is_refusal(error) ? "" : std::string(what) + ": " + to_string(error);
  }
  /// Empty, or what nobody should see.
  std::string judge(const Machine::Seen& seen) {
    if (!seen.wrong.empty()) return seen.wrong;
    if (seen.refused) return unless_refused("reading", *seen.refused);
    const auto all = told_.acknowledged;
    if (seen.planned_end >= all) return "";
    // Behind the last floor that a frame says nobody can tell damage from a torn tail, nor a segment without its header
    // from one that was never synced; that is kept aside.
    const bool may_be_torn =
        is_rebooted() && (seen.planned_end + 1 >= all || !is_durable()) && !machine_.quarantined().empty();
    return may_be_torn
               ? ""
               : "events are missing from offset " + std::to_string(seen.planned_end) + " on, and nobody is told";
  }

  std::string look_at_partition(const std::string& path) {
    auto log = machine_.open();
    if (!log) return unless_refused("opening", log.error());
    if (auto done = (*log)->sync_to((*log)->committed(), 10s); !done) return unless_refused("syncing", done.error());
    // Twice: what readers see before the hints were looked at by a writer, and after.
    const auto before = machine_.read_all(**log, told_);
    if (auto wrong = before.wrong; !wrong.empty()) return "before an append: " + wrong;
    auto appended = Machine::append_one(**log);
    if (!appended) return unless_refused("appending", appended.error());
    if (auto done = (*log)->sync_to(*appended + 1, 10s); !done) return unless_refused("syncing", done.error());
    const auto after = machine_.read_all(**log, told_);
    if (after.epoch > (*log)->epoch()) return "events have a later epoch than the log";
    if (path.find("control") == path.npos && (*log)->epoch() > 10) return "an epoch that nobody raised";
    if (after.time > machine_.clock.now()) return "it was appended in the future";
    return judge(after);
  }
  std::string look_at_the_rest() {
    auto log = log::LogDirectory::open("log", {.log = &silent_, .files = &machine_.disk});
    if (!log) return unless_refused("the log", log.error());
    auto topic = (*log)->find("t");
    if (!topic) return unless_refused("the topic", topic.error());
    if (!*topic) return "the topic is not there";
    if ((*topic)->meta().partitions != 1 || ((*topic)->meta().durability == Durability::durable) != is_durable())
      return "the topic is another one";
    auto group = (*topic)->group("g", false);
    if (!group) return unless_refused("the group", group.error());
    auto record = group->read(0);
    if (!record) return unless_refused("the record", record.error());
    if (!*record) return "the group's record is gone";
    // Of two records one may be damaged: the other says less, and redelivers.
    const auto position = (*record)->position;
    return (position == 10 || position == 20) && (*record)->handled == position ? "" : "the group stands elsewhere";
  }
  std::string look(const std::string& path) {
    return path.find("/0/") != path.npos ? look_at_partition(path) : look_at_the_rest();
  }

  /// Paths of all files, and their sizes.
  [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> files() const {
    std::vector<std::pair<std::string, std::uint64_t>> all;
    for (const std::string path : {"log/t/0/control", "log/t/topic.meta", "log/t/groups/g"})
      all.emplace_back(path, machine_.disk.get(path).size());
    for (const auto& entry : machine_.disk.names().entries)
      if (log::segment_first_offset(entry.name)) all.emplace_back(std::string("log/t/0/") + entry.name, segment_bytes);
    return all;
  }
  /// Every so manieth of `size`, about `rounds` in all; every one where that is more.
  template <class Act>
  static std::uint64_t stride(std::uint64_t size, const Torture& torture, Act act) {
    const auto step = std::max<std::uint64_t>(1, size / torture.rounds);
    std::uint64_t count = 0;
    for (auto at = torture.seed % step; at < size && !HasFailure(); at += step, ++count) act(at);
    return count;
  }

  struct Silent final : LogSink {
    void write(LogLevel, std::string_view) override {}
  };
  Scenario scenario_ = filled(is_durable());
  Machine machine_{scenario_};
  Silent silent_;
  Told told_;
  MemoryDisk::Image whole_;
};

TEST_P(Damage, AFlipOfEveryBitIsFoundOrHarmless) {
  const auto torture = Torture::from_environment(1'500);
  torture.print("about so many flips of each file");
  EXPECT_EQ(look("/0/") + look("rest"), "");
  std::uint64_t count = 0;
  for (const auto& [path, size] : files())
    count += stride(size * 8, torture, [&](std::uint64_t bit) {
      machine_.disk.load(whole_);
      machine_.disk.bytes(machine_.disk.find(path))[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
      EXPECT_EQ(look(path), "") << path << " byte " << bit / 8 << " bit " << bit % 8;
    });
  std::printf("%llu flips\n", static_cast<unsigned long long>(count));
}

TEST_P(Damage, ACutAtEveryByteIsFoundOrHarmless) {
  const auto torture = Torture::from_environment(500);
  torture.print("about so many cuts of each file");
  std::uint64_t count = 0;
  for (const auto& [path, size] : files())
    count += stride(size, torture, [&](std::uint64_t at) {
      machine_.disk.load(whole_);
      machine_.disk.names().nodes[machine_.disk.find(path)].size = at;
      EXPECT_EQ(look(path), "") << path << " cut at byte " << at;
    });
  std::printf("%llu cuts\n", static_cast<unsigned long long>(count));
}

/// That the suite would see it: a flipped payload whose checksum is right.
TEST_P(Damage, AFlipThatNoChecksumTellsIsSeen) {
  const std::string path = "log/t/0/" + log::segment_name(0);
  auto* const bytes = machine_.disk.bytes(machine_.disk.find(path));
  const auto& segment = *reinterpret_cast<log::SegmentHeader*>(bytes);
  auto* const frame = bytes + sizeof segment;
  auto& header = *reinterpret_cast<log::FrameHeader*>(frame);
  frame[header.length - 1] ^= std::byte{1};
  header.checksum = log::crc32c({frame + 8, header.length - 8}, log::checksum_seed(header.length, segment.salt));
  EXPECT_NE(look(path), "");
}

INSTANTIATE_TEST_SUITE_P(Log, Damage, testing::Combine(testing::Bool(), testing::Bool()), [](const auto& how) {
  return std::string(std::get<0>(how.param) ? "Durable" : "Memory") + (std::get<1>(how.param) ? "Rebooted" : "");
});

}  // namespace
}  // namespace tidings::crash
