// Each call to the system fails once, or is the last of its process.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <set>
#include <sstream>

#include "brokers/log/testing.hpp"
#include "tidings/base/atomic_file.hpp"

namespace tidings::brokers {
namespace {

using namespace std::chrono_literals;
using tidings::log::FaultyFiles;

/// One publish, read and settled, over and over, with the n-th call to the system failing, for every n.
class EveryCall : public LogBroker, public testing::WithParamInterface<std::string> {
 protected:
  /// Ids, by what became of them.
  struct Known {
    std::set<std::string> tried, acknowledged, handled;
    std::function<void(char what, const std::string& id)> on_change;

    void add(char what, const std::string& id) {
      (what == 'T' ? tried : what == 'A' ? acknowledged : handled).insert(id);
      if (on_change) on_change(what, id);
    }
  };

  /// Creates, appends, rolls, subscribes and settles; what fails ends it.
  Result<> run(Known& known, const std::string& prefix) {
    auto broker = try_open();
    if (!broker) return broker.error();
    if (auto made = (*broker)->create_topic("t", {}); !made) return made;
    auto member = (*broker)->subscribe("t", {.group = "g"});
    if (!member) return member.error();
    Result<> first_failure;
    // The third does not fit into the first segment.
    for (const auto& [name, size] : {std::pair{"a", 10}, {"b", 700'000}, {"c", 700'000}, {"d", 10}}) {
      const auto id = prefix + name;
      known.add('T', id);
      auto published = try_publish(**broker, "t", id, static_cast<std::size_t>(size));
      if (published)
        known.add('A', id);
      else if (first_failure)
        first_failure = published;
    }
    auto got = (*member)->fetch(10, 100ms);
    if (!got) return got.error();
    std::vector<DeliveryId> ids;
    for (const auto& one : *got) {
      ids.push_back(one.id);
      known.add('H', std::string(one.envelope.id));  // whether the group knows or not: nobody waits for it again
    }
    if (auto settled = (*member)->settle(ids); !settled) return settled;
    if (auto closed = (*broker)->close(1s); !closed) return closed;
    return first_failure;
  }

  /// The log opens, keeps what it acknowledged, and goes on.
  void check(Known& known, const std::string& when) {
    auto broker = try_open();
    ASSERT_TRUE(broker) << when << to_string(broker.error());
    known.tried.insert("after");
    ASSERT_TRUE(try_publish(**broker, "t", "after")) << when;
    auto member = (*broker)->subscribe("t", {.group = "g"});
    ASSERT_TRUE(member) << when << to_string(member.error());
    auto seen = known.handled;
    for (int round = 0; round < 100 && !seen.contains("after"); ++round) {
      auto got = (*member)->fetch(100, 100ms);
      ASSERT_TRUE(got) << when << to_string(got.error());
      std::vector<DeliveryId> ids;
      for (const auto& one : *got) {
        seen.insert(std::string(one.envelope.id));
        ids.push_back(one.id);
      }
      ASSERT_TRUE((*member)->settle(ids)) << when;
    }
    EXPECT_TRUE(seen.contains("after")) << when;
    for (const auto& id : known.acknowledged) EXPECT_TRUE(seen.contains(id)) << when << "event " << id << " is lost";
    for (const auto& id : seen) EXPECT_TRUE(known.tried.contains(id)) << when << "event " << id << " came from nowhere";
    EXPECT_EQ((*broker)->groups("t").or_throw().at(0).lag(), 0U) << when;
    // From every offset, since each is looked up in the segments that there are.
    const auto end = (*broker)->topic("t").or_throw().partitions.at(0).end.value;
    std::vector<std::string> all;
    for (std::uint64_t offset = 0; offset < end; ++offset) {
      auto reader = (*broker)->subscribe("t", {.start = Start::offset(Offset{offset})}).or_throw();
      auto got = reader->fetch(1, 1s);
      ASSERT_TRUE(got) << when << "offset " << offset << ": " << to_string(got.error());
      ASSERT_EQ(got->size(), 1U) << when;
      EXPECT_EQ(got->at(0).id.offset.value, offset) << when;
      all.emplace_back(got->at(0).envelope.id);
    }
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), end) << when << "an event stands there twice";
    EXPECT_EQ(all.back(), "after") << when;
  }

  [[nodiscard]] Error error() const {
    if (GetParam() == "disk_full") return tidings::log::disk_full();
    if (GetParam() == "too_many_files") return tidings::log::too_many_files();
    return tidings::log::io_error();
  }
};

TEST_P(EveryCall, ThatFailsIsToldAndLosesNothing) {
  const std::set<std::string> typed{GetParam(), "poisoned", "outcome_unknown"};
  files.skip_syncs();
  {
    Known known;
    run(known, "").or_throw();
  }
  const auto calls = files.calls();
  ASSERT_GT(calls, 60U);
  for (std::uint64_t n = 1; n <= calls; ++n) {
    const auto when = "call " + std::to_string(n) + ": ";
    std::filesystem::remove_all(folder);
    Known known;
    const auto failing = files.calls() + n;
    std::string what;
    bool was_sync = false;
    files.fail([&](const FaultyFiles::Call& call) -> std::optional<Error> {
      if (call.number != failing) return std::nullopt;
      what = std::string(call.name) + " " + call.path;
      was_sync = call.name == "sync_data";
      return error();
    });
    const auto first = run(known, "1");
    files.fail({});
    if (!first) {
      EXPECT_TRUE(typed.contains(first.error().code)) << when << what << ": " << to_string(first.error());
    }
    // A sync that failed closes a partition for writing until the machine was started again.
    const auto control = folder + "/t/0/control";
    if (was_sync && std::filesystem::exists(control)) {
      auto bytes = read_file(control).or_throw();
      if (bytes.size() > 4000) bytes[offsetof(tidings::log::Control, boot_id)] ^= 1;
      std::ofstream(control, std::ios::binary | std::ios::trunc) << bytes;
    }
    check(known, when + what + ": ");
    if (HasFatalFailure()) return;
  }
}

/// The same, with the process killed at its n-th call, and so in the middle of every step of an append, a roll, a
/// commit.
class EveryCallIsTheLast : public EveryCall {};

TEST_P(EveryCallIsTheLast, OfAProcessThatIsKilledAndLosesNothing) {
  files.skip_syncs();
  std::uint64_t calls = 0;
  {
    Known known;
    run(known, "").or_throw();
    calls = files.calls();
  }
  for (std::uint64_t n = 1; n <= calls; ++n) {
    const auto when = "killed at call " + std::to_string(n) + ": ";
    std::filesystem::remove_all(folder);
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const auto child = ::fork();
    if (child == 0) {
      const auto last = files.calls() + n;
      files.fail([&](const FaultyFiles::Call& call) -> std::optional<Error> {
        if (call.number == last) ::raise(SIGKILL);
        return std::nullopt;
      });
      Known known;
      known.on_change = [&](char what, const std::string& id) {
        const auto line = std::string(1, what) + id + "\n";
        (void)!::write(pipe[1], line.data(), line.size());
      };
      ::_exit(run(known, "1") ? 0 : 1);
    }
    ::close(pipe[1]);
    std::string said;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(pipe[0], buffer, sizeof buffer)) > 0;)
      said.append(buffer, static_cast<std::size_t>(got));
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) << when << status;
    Known known;
    std::istringstream lines(said);
    for (std::string line; std::getline(lines, line);) known.add(line[0], line.substr(1));
    check(known, when);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(LogBroker, EveryCallIsTheLast, testing::Values("killed"),
                         [](const auto& how) { return how.param; });

INSTANTIATE_TEST_SUITE_P(LogBroker, EveryCall, testing::Values("disk_full", "io_error", "too_many_files"),
                         [](const auto& error) { return error.param; });

}  // namespace
}  // namespace tidings::brokers
