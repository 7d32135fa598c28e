// A sync that fails: what it may have lost is written anew, to other files, and nobody is told that it is safe before.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <thread>

#include "log/faulty_files.hpp"
#include "log/testing.hpp"

namespace tidings::log {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct FaultyLog : TestLog {
  explicit FaultyLog(bool durable) : TestLog(durable) { disk = &faulty; }

  /// The syncs of the files that end so, the first `count` of them.
  void fail_syncs(const std::string& ending, int count = 1'000'000) {
    faulty.fail([ending, left = count](const FaultyFiles::Call& one) mutable {
      return one.name == "sync_data" && one.path.ends_with(ending) && left-- > 0 ? std::optional(io_error())
                                                                                 : std::nullopt;
    });
  }
  void heal() { faulty.fail({}); }
  [[nodiscard]] std::uint64_t salt(std::uint64_t first) const {
    auto directory = system_files().open(partition(), false).or_throw();
    return Segment::open(*directory, first, Segment::Access::read).or_throw()->salt();
  }
  [[nodiscard]] std::uint32_t faults() const {
    std::uint32_t word = 0;
    std::memcpy(&word, read_file(partition() + "/control").or_throw().data() + offsetof(Control, faults), sizeof word);
    return word;
  }

  FaultyFiles faulty;
};

/// As after a power cut that took what was never synced in files that are not there any more.
void expect_kept(FaultyLog& test, std::size_t count) {
  test.heal();
  test.reboot();
  EXPECT_EQ(read_ids(*test.open()).or_throw(), numbers(0, count));
}

TEST(WritingAnew, WhatASyncMayHaveLostIsOnTheDeviceInAnotherFileBeforeItIsAcknowledged) {
  FaultyLog test(true);
  auto log = test.open();
  auto other = test.open();
  append(*log, {event("0")});
  other->sync_to(append(*other, {event("1")}) + 1, seconds{10}).or_throw();
  const auto before = test.salt(0);
  append(*log, {event("2"), event("3")});
  test.fail_syncs("/" + segment_name(0), 1);
  log->sync_to(4, seconds{10}).or_throw();
  EXPECT_NE(test.salt(0), before) << "the file that failed is still used";
  EXPECT_EQ(test.faults(), 2U);
  EXPECT_EQ(read_ids(*other).or_throw(), numbers(0, 4));
  // Both write to, and sync, the file that took its place.
  append(*other, {event("4")});
  append(*log, {event("5")});
  other->sync_to(6, seconds{10}).or_throw();
  append(*other, {event("6")});
  log->sync_to(7, seconds{10}).or_throw();
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 7));
  log.reset();
  other.reset();
  expect_kept(test, 7);
}

TEST(WritingAnew, WhereTheDeviceTakesNothingNothingIsAcknowledgedOrShownUntilItDoes) {
  FaultyLog test(true);
  auto log = test.open();
  auto other = test.open();
  append(*log, {event("0")});
  log->sync_to(1, seconds{10}).or_throw();
  append(*log, {event("1")});
  test.fail_syncs(segment_name(0));  // the fresh one's too
  for (auto* const one : {log.get(), other.get()}) {
    EXPECT_EQ(one->sync_to(2, seconds{10}).error().code, "outcome_unknown");
    const auto refused = try_append(*one, {event("2")});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "poisoned");
    EXPECT_EQ(refused.error().retry, Retry::same_call);
    EXPECT_EQ(one->visible_end(), 1U);
    EXPECT_EQ(read_ids(*one).or_throw(), numbers(0, 1)) << "reading goes on";
  }
  test.heal();
  EXPECT_EQ(append(*other, {event("2")}), 2U);
  EXPECT_EQ(other->visible_end(), 2U) << "what was written anew is there for readers";
  log->sync_to(3, seconds{10}).or_throw();
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 3));
  log.reset();
  other.reset();
  expect_kept(test, 3);
}

TEST(WritingAnew, ReadersGoOnFromTheFileThatTheyHaveIntoTheOneThatTookItsPlace) {
  for (const bool durable : {false, true}) {
    FaultyLog test(durable);
    auto log = test.open();
    append(*log, {event("0"), event("1")});
    log->sync_to(2, seconds{10}).or_throw();
    auto reader = test.open();  // that writes and syncs nothing
    Cursor cursor(*reader);
    Cursor at_the_end(*log);
    ASSERT_NE(cursor.next(2).or_throw(), nullptr);
    while (at_the_end.next(2).or_throw() != nullptr) continue;
    append(*log, {event("2")});
    test.fail_syncs("/" + segment_name(0), 1);
    log->sync_to(3, seconds{10}).or_throw();
    append(*log, {event("3"), event("4")});
    log->sync_to(5, seconds{10}).or_throw();
    EXPECT_EQ(read_ids(*reader, 4).or_throw(), numbers(4, 5)) << "looked for in the file that is still open";
    for (const auto* const id : {"1", "2", "3"}) EXPECT_EQ(cursor.next(4).or_throw()->envelope.id, id);
    for (const auto* const id : {"2", "3"}) EXPECT_EQ(at_the_end.next(4).or_throw()->envelope.id, id);
  }
}

/// A batch whose first event is whole, then a sync that fails; the fresh file has event "2" there.
void tear_a_batch_and_write_anew(FaultyLog& test, PartitionLog& log) {
  append(log, {event("1")});
  test.faulty.fail(
      [](const FaultyFiles::Call& call) { return call.name == "write_at" ? std::optional(io_error()) : std::nullopt; });
  ASSERT_FALSE(try_append(log, {event("torn"), event("torn", std::string(500, 'x'))}));
  ASSERT_NE(read_file(test.segment(0)).or_throw().find("torn"), std::string::npos);
  test.fail_syncs("/" + segment_name(0), 1);
  log.sync_to(2, seconds{10}).or_throw();
  ASSERT_EQ(test.faults(), 2U);
  log.sync_to(append(log, {event("2"), event("3", std::string(100, 'y'))}) + 2, seconds{10}).or_throw();
}

TEST(WritingAnew, AReaderIsNeverGivenWhatATornBatchLeftInTheFileThatItHas) {
  FaultyLog test(true);
  auto log = test.open();
  log->sync_to(append(*log, {event("0")}) + 1, seconds{10}).or_throw();
  auto reader = test.open();
  Cursor cursor(*reader);
  const auto kept = cursor.next(1).or_throw()->owner;  // a delivery that is not settled yet
  tear_a_batch_and_write_anew(test, *log);
  for (const auto* const id : {"1", "2", "3"}) {
    const auto item = cursor.next(4);
    ASSERT_TRUE(item) << item.error().message;
    EXPECT_EQ((*item)->envelope.id, std::string_view(id));
  }
}

/// The same where another comes when all is over.
TEST(WritingAnew, AFileThatWasReplacedIsNotHandedToALaterReader) {
  FaultyLog test(true);
  auto log = test.open();
  log->sync_to(append(*log, {event("0")}) + 1, seconds{10}).or_throw();
  auto reader = test.open();
  Cursor cursor(*reader);
  const auto kept = cursor.next(1).or_throw()->owner;
  tear_a_batch_and_write_anew(test, *log);
  const auto ids = read_ids(*reader);
  ASSERT_TRUE(ids) << ids.error().message;
  EXPECT_EQ(*ids, numbers(0, 4));
}

TEST(WritingAnew, ARollWhoseSyncFailsIsDoneOverOtherFiles) {
  FaultyLog test(true);
  auto log = test.open();
  append(*log, {event("0")});
  test.fail_syncs("/" + segment_name(0), 1);
  EXPECT_EQ(append(*log, {event("1", std::string(5'000, 'x'))}), 1U);
  log->sync_to(2, seconds{10}).or_throw();
  EXPECT_EQ(test.faults(), 2U);
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 2));
  log.reset();
  expect_kept(test, 2);
}

TEST(WritingAnew, ATopicThatIsNotDurableWritesAllAnewThatWasNotSynced) {
  FaultyLog test(false);
  auto log = test.open();
  auto other = test.open();
  std::uint64_t next = 0;
  while (log->committed() == 0 || std::filesystem::exists(test.segment(0)) + test.files().size() < 5)  // three segments
    append(*log, {event(std::to_string(next++), std::string(900, 'x'))});
  const auto first = test.salt(0);
  const auto last = test.files().back();
  test.fail_syncs(".log", 1);
  log->sync_to(next, seconds{10}).or_throw();
  EXPECT_EQ(test.salt(0), first) << "it was synced before the last roll";
  EXPECT_EQ(test.faults(), 2U);
  EXPECT_EQ(append(*other, {event(std::to_string(next))}), next);
  EXPECT_EQ(append(*log, {event(std::to_string(next + 1))}), next + 1);
  other->sync_to(next + 2, seconds{10}).or_throw();
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, next + 2));
  log.reset();
  other.reset();
  expect_kept(test, next + 2);
}

/// Another process's sync fails while ours succeeds on a file that does not count any more, or soon will not.
TEST(WritingAnew, ASyncBesideOneThatFailedAcknowledgesNothing) {
  for (const std::uint32_t faults : {1, 2}) {
    FaultyLog test(true);
    auto log = test.open();
    append(*log, {event("0")});
    const auto before = test.salt(0);
    bool is_first = true;
    std::uint64_t durable = 9;
    test.faulty.fail([&](const FaultyFiles::Call& call) -> std::optional<Error> {
      if (call.name == "sync" || (call.name == "sync_data" && !is_first)) durable = std::min(durable, log->durable());
      if (call.name != "sync_data" || !std::exchange(is_first, false)) return std::nullopt;
      auto directory = system_files().open(test.partition(), false).or_throw();
      directory->file("control", Directory::Create::never)
          .or_throw()
          ->write_at(std::as_bytes(std::span{&faults, 1}), offsetof(Control, faults))
          .or_throw();
      return std::nullopt;
    });
    log->sync_to(1, seconds{10}).or_throw();
    EXPECT_EQ(test.salt(0) != before, faults == 1);
    EXPECT_EQ(durable, 0U) << "it was told before the file that counts was synced";
    EXPECT_EQ(test.faults(), 2U);
  }
}

/// A process dies, or fails, in a sync while ours writes anew what an earlier one lost: the disk is well.
TEST(WritingAnew, AnotherSyncThatFailsMeanwhileIsNoErrorOfTheCall) {
  FaultyLog test(true);
  auto log = test.open();
  append(*log, {event("0")});
  const auto tell_fault = [&](std::uint32_t faults) {
    auto directory = system_files().open(test.partition(), false).or_throw();
    directory->file("control", Directory::Create::never)
        .or_throw()
        ->write_at(std::as_bytes(std::span{&faults, 1}), offsetof(Control, faults))
        .or_throw();
  };
  const auto fault_while_written_anew = [&](std::uint32_t faults) {
    tell_fault(faults);
    test.faulty.fail([&, is_told = false, faults](const FaultyFiles::Call& call) mutable {
      if (call.name == "replace" && !std::exchange(is_told, true)) tell_fault(faults + 2);
      return std::optional<Error>{};
    });
  };
  fault_while_written_anew(1);
  auto synced = log->sync_to(1, seconds{10});
  EXPECT_TRUE(synced) << to_string(synced.error());
  EXPECT_EQ(test.faults(), 4U);
  fault_while_written_anew(5);
  auto appended = try_append(*log, {event("1")});
  EXPECT_TRUE(appended) << to_string(appended.error());
  EXPECT_EQ(test.faults(), 8U);
  log->sync_to(2, seconds{10}).or_throw();
  log.reset();
  expect_kept(test, 2);
}

/// What is left of a frame that was not on the device, and whose page the kernel dropped.
TEST(WritingAnew, WhatIsGoneAlreadyIsToldAndNotCoveredUp) {
  FaultyLog test(true);
  auto log = test.open();
  append(*log, {event("0")});
  log->sync_to(1, seconds{10}).or_throw();
  append(*log, {event("1")});
  auto bytes = read_file(test.segment(0)).or_throw();
  {
    auto directory = system_files().open(test.partition(), false).or_throw();
    const std::uint64_t nothing = 0;
    const auto at = sizeof(SegmentHeader) + frame_bytes(event("0").view());
    directory->file(segment_name(0), Directory::Create::never)
        .or_throw()
        ->write_at(std::as_bytes(std::span{&nothing, 1}), at)
        .or_throw();
  }
  test.fail_syncs("/" + segment_name(0), 1);
  EXPECT_EQ(log->sync_to(2, seconds{10}).error().code, "outcome_unknown");
  const auto refused = try_append(*log, {event("2")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "poisoned");
  EXPECT_EQ(refused.error().message.find(segment_name(0)) != std::string::npos, true) << refused.error().message;
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 1));
}

/// Every call of it fails once, or is the last of its process.
TEST(WritingAnew, DoneByHalvesItIsDoneAgain) {
  for (const bool durable : {false, true})
    for (const bool dies : {false, true}) {
      std::uint64_t steps = 0;
      for (std::uint64_t step = 1;; ++step) {
        FaultyLog test(durable);
        auto log = test.open();
        append(*log, {event("0")});
        append(*log, {event("1", std::string(5'000, 'x'))});
        append(*log, {event("2")});
        auto other = test.open();
        bool is_failed = false;
        std::uint64_t count = 0;
        const auto plan = [&](const FaultyFiles::Call& call) -> std::optional<Error> {
          if (!is_failed && call.name == "sync_data" && call.path.ends_with(".log")) {
            is_failed = true;
            return io_error();
          }
          if (!is_failed || ++count != step) return std::nullopt;
          if (dies) ::kill(::getpid(), SIGKILL);
          return io_error();
        };
        if (dies) {
          log.reset();
          other.reset();
          const auto child = ::fork();
          if (child == 0) {
            auto mine = test.open();
            test.faulty.fail(plan);
            (void)mine->sync_to(3, seconds{10}).has_value();
            ::_exit(count < step ? 0 : 1);
          }
          int status = 0;
          ASSERT_EQ(::waitpid(child, &status, 0), child);
          log = test.open();
          other = test.open();
          if (WIFEXITED(status))
            count = 0;
          else
            count = step;
        } else {
          test.faulty.fail(plan);
          (void)log->sync_to(3, seconds{10}).has_value();
          test.heal();
        }
        ASSERT_EQ(append(*other, {event("3")}), 3U) << step;
        ASSERT_EQ(append(*log, {event("4", std::string(5'000, 'x'))}), 4U) << step;
        log->sync_to(5, seconds{10}).or_throw();
        ASSERT_EQ(read_ids(*other).or_throw(), numbers(0, 5)) << step;
        log.reset();
        other.reset();
        test.reboot();
        ASSERT_EQ(read_ids(*test.open()).or_throw(), numbers(0, 5)) << step;
        if (count < step) break;
        steps = step;
      }
      EXPECT_GT(steps, 8U);
    }
}

/// The kernel told a process that failed, and it was killed before it told anybody else.
TEST(WritingAnew, WhoeverOpensTheFileAfterAProcessDiedInASyncWritesAnew) {
  for (const bool durable : {false, true}) {
    FaultyLog test(durable);
    const auto die_in_sync = [&] {
      const auto child = ::fork();
      if (child == 0) {
        auto mine = test.open();
        append(*mine, {event(std::to_string(mine->committed()))});
        test.faulty.fail([](const FaultyFiles::Call& call) -> std::optional<Error> {
          if (call.name == "sync_data" && call.path.ends_with(".log")) ::kill(::getpid(), SIGKILL);
          return std::nullopt;
        });
        (void)mine->sync_to(mine->committed(), seconds{10}).has_value();
        ::_exit(1);
      }
      int status = 0;
      ::waitpid(child, &status, 0);
      return WIFSIGNALED(status);
    };
    ASSERT_TRUE(die_in_sync());
    const auto before = test.salt(0);
    auto young = test.open();
    EXPECT_EQ(append(*young, {event("1")}), 1U);
    young->sync_to(2, seconds{10}).or_throw();
    EXPECT_NE(test.salt(0), before) << "the descriptor is younger than a failure may be";
    // Whose descriptor was open before would have been told.
    ASSERT_TRUE(die_in_sync());
    const auto kept = test.salt(0);
    young->sync_to(append(*young, {event("3")}) + 1, seconds{10}).or_throw();
    EXPECT_EQ(test.salt(0), kept);
    auto another = test.open();
    another->sync_to(append(*another, {event("4")}) + 1, seconds{10}).or_throw();
    EXPECT_EQ(test.salt(0), kept) << "its sync has shown that nothing was lost";
    EXPECT_EQ(read_ids(*another).or_throw(), numbers(0, 5));
  }
}

constexpr std::uint64_t of_the_dead = std::uint64_t{1000} << 16 | 7;  // a generation that no process here has

/// As a process does that was killed in a sync of that segment, of which it was told that it failed.
void leave_a_mark(const FaultyLog& test, std::size_t place, std::uint64_t segment, std::uint64_t faults = 0,
                  std::uint64_t word = of_the_dead) {
  const std::uint64_t mark[] = {word, 5, segment, faults};
  static_assert(sizeof mark == sizeof(Control::Sync));
  auto directory = system_files().open(test.partition(), false).or_throw();
  directory->file("control", Directory::Create::never)
      .or_throw()
      ->write_at(std::as_bytes(std::span{mark}), offsetof(Control, syncs) + place * sizeof mark)
      .or_throw();
}

/// It began, failed and died while another was about to open the file: the kernel tells that one nothing.
TEST(WritingAnew, ASyncThatFailsJustBeforeTheFileIsOpenedIsSeen) {
  for (const bool durable : {false, true}) {
    FaultyLog test(durable);
    {
      auto log = test.open();
      append(*log, {event("0")});
    }
    const auto before = test.salt(0);
    auto log = test.open();
    test.faulty.fail([&, waits = true](const FaultyFiles::Call& call) mutable -> std::optional<Error> {
      if (call.name == "file" && call.path.ends_with("/" + segment_name(0)) && std::exchange(waits, false))
        leave_a_mark(test, 3, 0);
      return std::nullopt;
    });
    EXPECT_EQ(append(*log, {event("1")}), 1U);
    log->sync_to(2, seconds{10}).or_throw();
    EXPECT_NE(test.salt(0), before) << "the descriptor is younger than the failure";
    EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 2));
  }
}

TEST(WritingAnew, WhereAllPlacesAreOfTheDeadTheyAreTakenForSyncsThatFailed) {
  FaultyLog test(true);
  auto log = test.open();
  log->sync_to(append(*log, {event("0")}) + 1, seconds{10}).or_throw();
  append(*log, {event("1")});
  for (std::size_t place = 0; place < std::size(Control{}.syncs); ++place) leave_a_mark(test, place, 0);
  log->sync_to(2, seconds{2}).or_throw();
  EXPECT_EQ(test.faults(), 2U);
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 2));
}

/// That another segment's sync succeeds says nothing of the one that failed.
TEST(WritingAnew, AMarkIsTakenOutByASyncOfTheSameSegmentOnly) {
  FaultyLog test(false);
  test.setting.background = std::make_shared<Background>();
  const auto segments = [&] {
    std::vector<std::uint64_t> firsts;
    for (const auto& name : test.files())
      if (const auto first = segment_first_offset(name)) firsts.push_back(*first);
    return firsts;
  };
  // The background is about to sync the first segment.
  test.faulty.fail([&, waits = true](const FaultyFiles::Call& call) mutable -> std::optional<Error> {
    if (call.name == "list" && waits && segments().size() == 2) {
      waits = false;
      leave_a_mark(test, 0, segments().back());
    }
    return std::nullopt;
  });
  auto log = test.open();
  std::uint64_t next = 0;
  while (next == 0 || segments().size() < 2) append(*log, {event(std::to_string(next++), std::string(300, 'x'))});
  std::promise<void> done;
  test.setting.background->post(&done, [&] { done.set_value(); });
  done.get_future().wait();
  const auto second = segments().back();
  ASSERT_EQ(log->durable(), second) << "it has synced it";
  const auto before = test.salt(second);
  auto young = test.open();
  young->sync_to(next, seconds{10}).or_throw();
  EXPECT_NE(test.salt(second), before) << "its descriptor is younger than the failure";
  EXPECT_EQ(read_ids(*young).or_throw(), numbers(0, next));
  // One of a segment that is on the device by now is nothing to anybody.
  log->sync_to(append(*log, {event("e")}) + 1, seconds{10}).or_throw();
  const auto kept = test.salt(second);
  leave_a_mark(test, 0, 0);
  log->sync_to(append(*log, {event("e")}) + 1, seconds{10}).or_throw();
  auto another = test.open();
  another->sync_to(append(*another, {event("e")}) + 1, seconds{10}).or_throw();
  EXPECT_EQ(test.salt(second), kept);
}

/// A process that publishes the next event, and is stopped in the sync of it until it is told to go on; then it ends.
class StoppedInSync {
 public:
  /// What the device says to its sync; what it does when it was told.
  explicit StoppedInSync(FaultyLog& test, std::optional<Error> answer = std::nullopt,
                         const std::function<void(PartitionLog&)>& then = {}) {
    if (::pipe(ready_) != 0 || ::pipe(go_) != 0) std::abort();
    child_ = ::fork();
    char byte = 0;
    if (child_ == 0) {
      auto mine = test.open();
      const auto end = append(*mine, {event(std::to_string(mine->committed()))}) + 1;
      test.faulty.fail([&, waits = true](const FaultyFiles::Call& call) mutable -> std::optional<Error> {
        if (call.name != "sync_data" || !call.path.ends_with(".log") || !std::exchange(waits, false))
          return std::nullopt;
        (void)!::write(ready_[1], &byte, 1);
        (void)!::read(go_[0], &byte, 1);
        return answer;
      });
      const auto done = mine->sync_to(end, seconds{20});
      if (done && then) then(*mine);
      ::_exit(done ? 0 : 1);
    }
    is_ready_ = ::read(ready_[0], &byte, 1) == 1;
  }
  ~StoppedInSync() {
    if (child_ > 0) go_on();
    for (const int end : {ready_[0], ready_[1], go_[0], go_[1]}) ::close(end);
  }
  StoppedInSync(const StoppedInSync&) = delete;
  StoppedInSync& operator=(const StoppedInSync&) = delete;

  [[nodiscard]] bool is_ready() const { return is_ready_; }
  /// What it ended with: 0 where its event was acknowledged.
  int go_on() {
    const char byte = 0;
    int status = -1;
    if (::write(go_[1], &byte, 1) != 1 || ::waitpid(std::exchange(child_, -1), &status, 0) < 0) return -1;
    return status;
  }

 private:
  int ready_[2], go_[2];
  ::pid_t child_ = -1;
  bool is_ready_ = false;
};

Result<std::uint64_t> append_within(PartitionLog& log, const std::string& id, Duration wait_max) {
  const auto one = event(id);
  const auto view = one.view();
  const EnvelopeView* const events[] = {&view};
  return log.append(events, wait_max);
}

/// Whoever opens the file waits for what the other will be told, no longer than its deadline, and before it writes:
/// who tries again leaves no copies.
TEST(WritingAnew, ASyncThatIsUnderWayElsewhereIsWaitedForWithinTheDeadline) {
  FaultyLog test(true);
  StoppedInSync other(test);
  ASSERT_TRUE(other.is_ready());
  auto log = test.open();
  const auto before = test.salt(0);
  for (int again = 0; again < 3; ++again) {
    const auto refused = append_within(*log, "1", milliseconds{20});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "busy");
    EXPECT_EQ(refused.error().retry, Retry::same_call);
    EXPECT_EQ(log->committed(), 1U) << "nothing was written";
  }
  EXPECT_EQ(log->durable(), 0U);
  EXPECT_EQ(other.go_on(), 0);
  EXPECT_EQ(append(*log, {event("1")}), 1U);
  log->sync_to(2, seconds{10}).or_throw();
  EXPECT_EQ(test.salt(0), before) << "nothing failed";
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 2));
}

/// Nobody knows for how long. What it will be told does not matter where all was written anew.
TEST(WritingAnew, WhoIsStoppedInASyncIsNotWaitedForLong) {
  for (const bool durable : {false, true})
    for (const bool fails : {false, true}) {
      FaultyLog test(durable);
      test.setting.stopped_after = milliseconds{250};
      StoppedInSync other(test, fails ? std::optional(io_error()) : std::nullopt, [](PartitionLog& log) {
        if (log.committed() == 4) log.sync_to(append(log, {event("4")}) + 1, seconds{10}).or_throw();
      });
      ASSERT_TRUE(other.is_ready());
      auto log = test.open();
      const auto before = test.salt(0);
      const auto begin = std::chrono::steady_clock::now();
      EXPECT_EQ(append(*log, {event("1")}), 1U);
      log->sync_to(2, seconds{10}).or_throw();
      EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds{200}) << "it may only be slow";
      EXPECT_NE(test.salt(0), before);
      EXPECT_EQ(test.faults(), 2U);
      // Once: the mark that stays is of the file that was replaced.
      const auto anew = test.salt(0);
      for (int late = 2; late < 4; ++late) {
        auto young = test.open();
        append_within(*young, std::to_string(late), milliseconds{200}).or_throw();
        young->sync_to(late + 1, milliseconds{200}).or_throw();
      }
      EXPECT_EQ(test.salt(0), anew);
      EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 4));
      // It goes on in the file that counts.
      EXPECT_EQ(other.go_on(), 0);
      EXPECT_EQ(test.salt(0) == anew, !fails);
      EXPECT_EQ(test.faults(), fails ? 4U : 2U);
      EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 5));
      log.reset();
      expect_kept(test, 5);
    }
}

/// Nor is he while the fresh files are in place and that is not told yet.
TEST(WritingAnew, WhoIsStoppedInASyncHoldsUpNoRepairOfWhatWasWrittenAnew) {
  FaultyLog test(true);
  test.setting.stopped_after = seconds{30};
  auto log = test.open();
  append(*log, {event("0")});
  const auto alive = Slots::take(*system_files().open(test.path, false).or_throw()).or_throw()->word();
  test.faulty.fail([&, waits = true](const FaultyFiles::Call& call) mutable -> std::optional<Error> {
    if (call.name != "sync_data" || !call.path.ends_with("/" + segment_name(0)) || !std::exchange(waits, false))
      return std::nullopt;
    leave_a_mark(test, 3, 0, 0, alive);
    return io_error();
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(append(*log, {event("1", std::string(5'000, 'x'))}), 1U) << "it rolls";
  log->sync_to(2, seconds{10}).or_throw();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds{4});
  EXPECT_EQ(test.faults(), 2U);
  EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 2));
}

/// That one is not waited for any more says nothing of those that sync the fresh file.
TEST(WritingAnew, WhoIsStoppedOrDiesInASyncOfTheFreshFileIsSeen) {
  FaultyLog test(true);
  test.setting.stopped_after = milliseconds{100};
  StoppedInSync first(test);
  ASSERT_TRUE(first.is_ready());
  {
    auto log = test.open();
    log->sync_to(append(*log, {event("1")}) + 1, seconds{10}).or_throw();
  }
  ASSERT_EQ(test.faults(), 2U);
  StoppedInSync second(test);
  ASSERT_TRUE(second.is_ready());
  auto log = test.open();
  const auto refused = append_within(*log, "3", milliseconds{10});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "busy");
  log->sync_to(append(*log, {event("3")}) + 1, seconds{10}).or_throw();
  EXPECT_EQ(test.faults(), 4U);
  log.reset();
  leave_a_mark(test, 7, 0, 4);
  auto young = test.open();
  young->sync_to(append(*young, {event("4")}) + 1, seconds{10}).or_throw();
  EXPECT_EQ(test.faults(), 6U);
  EXPECT_EQ(first.go_on(), 0);
  EXPECT_EQ(second.go_on(), 0);
  EXPECT_EQ(test.faults(), 6U);
  EXPECT_EQ(read_ids(*young).or_throw(), numbers(0, 5));
}

}  // namespace
}  // namespace tidings::log
