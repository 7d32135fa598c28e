#include <gtest/gtest.h>

#include "log/faulty_files.hpp"
#include "log/testing.hpp"

namespace tidings::log {
namespace {

/// Before each step of who asks another process appends the first events: a group that took their end for the earliest
/// offset would skip them.
TEST(Earliest, OfAnEmptyPartitionThatGetsItsFirstEventsMeanwhile) {
  for (std::uint64_t step = 1;; ++step) {
    TestLog files;
    FaultyFiles watched;
    files.disk = &watched;
    auto asks = files.open();
    files.disk = &system_files();
    auto appends = files.open();
    bool is_done = false;
    watched.fail([&, count = std::uint64_t{0}](const FaultyFiles::Call&) mutable {
      if (++count == step) {
        is_done = true;
        append(*appends, {event("0"), event("1")});
      }
      return std::optional<Error>{};
    });
    EXPECT_EQ(asks->earliest().or_throw(), 0U) << step;
    watched.fail({});
    if (!is_done) break;
  }
}

}  // namespace
}  // namespace tidings::log
