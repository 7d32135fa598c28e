// What a process that dies leaves under a name of its own goes with the next that works there; what is being made
// stays.
#include "log/drafts.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "log/faulty_files.hpp"
#include "log/testing.hpp"

namespace tidings::log {
namespace {

struct Left {
  Left() {
    if (::mkdtemp(path.data()) == nullptr) std::abort();
  }
  ~Left() { std::filesystem::remove_all(path); }
  Left(const Left&) = delete;
  Left& operator=(const Left&) = delete;

  std::unique_ptr<LogDirectory> open() {
    return LogDirectory::open(path, {.log = &silent, .files = &files}).or_throw();
  }
  /// A process that makes something, and dies at the call that gives it its name.
  template <class Make>
  void die_in(Make make) {
    const auto child = ::fork();
    if (child == 0) {
      files.fail([](const FaultyFiles::Call& call) -> std::optional<Error> {
        if (call.name == "rename" || call.name == "replace") ::raise(SIGKILL);
        return std::nullopt;
      });
      make();
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  [[nodiscard]] std::size_t drafts(const std::string& folder) const {
    std::size_t count = 0;
    for (const auto& one : std::filesystem::directory_iterator(path + folder))
      count += one.path().filename().string().starts_with('~') ? 1 : 0;
    return count;
  }

  std::string path = (std::filesystem::temp_directory_path() / "tidings-drafts-XXXXXX").string();
  Silent silent;
  FaultyFiles files;
};

TEST(Drafts, OfTheDeadGoWithTheNext) {
  Left left;
  left.die_in([&] { (void)left.open()->create("orders", {}).has_value(); });
  EXPECT_EQ(left.drafts(""), 1U);
  left.open()->create("orders", {}).or_throw();
  EXPECT_EQ(left.drafts(""), 0U);
  left.die_in([&] { (void)left.open()->find("orders").or_throw()->group("audit", true).has_value(); });
  EXPECT_EQ(left.drafts("/orders/groups"), 1U);
  left.open()->find("orders").or_throw()->group("audit", true).or_throw();
  EXPECT_EQ(left.drafts("/orders/groups"), 0U);
  left.die_in([&] { (void)left.open()->find("orders").or_throw()->keep({.bytes = 1}).has_value(); });
  EXPECT_EQ(left.drafts("/orders"), 1U);
  left.open()->find("orders").or_throw()->keep({.bytes = 1}).or_throw();
  EXPECT_EQ(left.drafts("/orders"), 0U);
}

TEST(Drafts, OfTheLivingStay) {
  Left left;
  auto maker = left.open();
  auto folder = system_files().open(left.path, false).or_throw();
  const auto slots = Slots::take(*folder).or_throw();
  const auto mine = draft_name("orders", *slots);
  for (const auto& name : {mine, std::string("~orders-123"), std::string("~deleted-orders-1"), std::string("~12"),
                           std::string("~x~1~orders")})
    overwrite(left.path + "/" + name, "x");
  const auto child = ::fork();
  if (child == 0) {
    // Another process, for which the maker is another.
    left.open()->create("invoices", {}).or_throw();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(left.drafts(""), 5U) << "one is being made; the others say nothing of their makers";
}

TEST(Drafts, OfSegmentsGoWithTheRepair) {
  for (const bool rebooted : {false, true}) {
    TestLog test;
    auto log = test.open();
    append(*log, {event("0", std::string(2'500, 'x'))});
    FaultyFiles files;
    test.disk = &files;
    {
      auto dying = test.open();
      files.fail([is_dead = false](const FaultyFiles::Call& call) mutable -> std::optional<Error> {
        is_dead = is_dead || call.name == "rename";  // before the segment has its name
        return is_dead ? std::optional(io_error()) : std::nullopt;
      });
      EXPECT_FALSE(try_append(*dying, {event("1", std::string(2'500, 'x'))}));
      files.fail({});
    }
    EXPECT_EQ(std::ranges::count_if(test.files(), [](const auto& name) { return name.starts_with('~'); }), 1);
    if (rebooted) {
      log.reset();
      test.reboot();
      log = test.open();
    }
    append(*log, {event("1")});  // it fits
    EXPECT_EQ(std::ranges::count_if(test.files(), [](const auto& name) { return name.starts_with('~'); }), 0);
    EXPECT_EQ(read_ids(*log).or_throw(), numbers(0, 2));
  }
}

}  // namespace
}  // namespace tidings::log
