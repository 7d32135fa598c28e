// What a roll waits for, call by call; what a power cut makes of it is tried by tests/crash.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "log/faulty_files.hpp"
#include "log/testing.hpp"

namespace tidings::log {
namespace {

/// Rolls, by two processes in turn, of which each knows only what it sealed itself. Recovery of a topic that is not
/// durable takes all for synced but the last segment and the one before it; of a durable one, all but the last.
TEST(Rolling, WaitsForTheSyncOfWhatWasSealedBefore) {
  for (const bool durable : {false, true}) {
    FaultyFiles files;
    TestLog test(durable);
    test.disk = &files;
    files.skip_syncs();
    auto log = test.open(), other = test.open();
    std::vector<std::uint64_t> sealed;  // before the call that is under way
    std::set<std::uint64_t> synced;     // since they were
    bool names_are_synced = false;
    files.fail([&](const FaultyFiles::Call& call) -> std::optional<Error> {
      const auto name = std::filesystem::path(call.path).filename().string();
      const auto first = segment_first_offset(name);
      if (call.name == "sync" && call.path == test.partition()) names_are_synced = true;
      if (call.name == "sync_data" && first && (durable || std::ranges::find(sealed, *first) != sealed.end()))
        synced.insert(*first);
      // The next one gets its name.
      if ((call.name == "rename" || call.name == "replace") && first) names_are_synced = false;
      return std::nullopt;
    });
    for (std::size_t rolls = 0, i = 0; rolls < 6; ++i) {
      // Three of one, two of the other: what one of them sealed is not always what it sees sealed next.
      append(i % 5 < 3 ? *log : *other, {event(std::to_string(i), std::string(2'500, 'x'))});
      std::vector<std::uint64_t> firsts;
      for (const auto& name : test.files())
        if (const auto first = segment_first_offset(name)) firsts.push_back(*first);
      rolls = firsts.size() - 1;
      const auto unsynced = durable ? std::size_t{1} : std::size_t{2};
      for (std::size_t k = 0; k + unsynced < firsts.size(); ++k)
        EXPECT_TRUE(synced.contains(firsts[k])) << "segment " << firsts[k] << " of " << firsts.size();
      EXPECT_TRUE(names_are_synced || !durable);
      sealed.assign(firsts.begin(), firsts.end() - 1);
    }
    files.fail({});
  }
}

/// Where that sync fails the roll is not made: the append is refused, or is written anew.
TEST(Rolling, GoesNotOnOverASyncThatFails) {
  FaultyFiles files;
  TestLog test(false);
  test.disk = &files;
  files.skip_syncs();
  auto log = test.open();
  for (const auto& name : numbers(0, 2)) append(*log, {event(name, std::string(2'500, 'x'))});
  files.fail([](const FaultyFiles::Call& call) -> std::optional<Error> {
    if (call.name == "sync_data") return io_error();
    return std::nullopt;
  });
  const auto refused = try_append(*log, {event("2", std::string(2'500, 'x'))});
  ASSERT_FALSE(refused) << "a third segment, where the first is not on the device";
  EXPECT_EQ(refused.error().code, "poisoned");
  files.fail({});
  EXPECT_EQ(append(*log, {event("2", std::string(2'500, 'x'))}), 2U);
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 3));
}

}  // namespace
}  // namespace tidings::log
