#include <gtest/gtest.h>

#include "log/testing.hpp"

namespace tidings::log {
namespace {

/// Hints name a segment that there is not, and that it is written: the frames say where the end is.
TEST(WrongHints, ASegmentThatThereIsNotAndADirtyMark) {
  for (const bool durable : {false, true})
    for (const std::size_t events : {3U, 40U}) {
      TestLog files(durable);
      {
        auto log = files.open();
        for (std::size_t i = 0; i < events; ++i) append(*log, {event(std::to_string(i), std::string(200, 'x'))});
        if (durable) log->sync_to(events, std::chrono::seconds{10}).or_throw();
      }
      auto bytes = read_file(files.partition() + "/control").or_throw();
      const std::uint64_t nowhere = 375;
      std::memcpy(bytes.data() + offsetof(Control, segment), &nowhere, sizeof nowhere);
      std::memcpy(bytes.data() + offsetof(Control, dirty_end), &nowhere, sizeof nowhere);
      overwrite(files.partition() + "/control", bytes);
      auto log = files.open();
      EXPECT_EQ(append(*log, {event(std::to_string(events))}), events);
      if (durable) log->sync_to(events + 1, std::chrono::seconds{10}).or_throw();
      EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, events + 1));
    }
}

}  // namespace
}  // namespace tidings::log
