#include <gtest/gtest.h>

#include "log/verify_testing.hpp"

namespace tidings::log {
namespace {

/// The machine's own, but for what it says of itself.
struct ForeignFiles final : FileSystem {
  struct Folder final : Directory {
    explicit Folder(std::unique_ptr<Directory> real) : base(std::move(real)) {}
    Result<std::unique_ptr<Directory>> directory(std::string_view name, Create create) override {
      return base->directory(name, create);
    }
    Result<std::unique_ptr<File>> file(std::string_view name, Create create, bool writable) override {
      return base->file(name, create, writable);
    }
    Result<std::vector<std::string>> list() override { return base->list(); }
    Result<> rename(std::string_view from, std::string_view to) override { return base->rename(from, to); }
    Result<> replace(std::string_view from, std::string_view to) override { return base->replace(from, to); }
    Result<> remove_file(std::string_view name) override { return base->remove_file(name); }
    Result<> remove_directory(std::string_view name) override { return base->remove_directory(name); }
    Result<> sync() override { return base->sync(); }
    Result<std::optional<std::string>> foreign_file_system() override { return std::optional<std::string>("nfs"); }
    [[nodiscard]] const std::string& path() const override { return base->path(); }

    std::unique_ptr<Directory> base;
  };
  Result<std::unique_ptr<Directory>> open(const std::string& path, bool create) override {
    auto opened = system_files().open(path, create);
    if (!opened) return opened.error();
    return std::make_unique<Folder>(std::move(*opened));
  }
};

TEST(MoveTornTail, MovesATornTailToQuarantine) {
  for (const bool rebooted : {false, true}) {
    SmallLog log;
    log.fill(15);
    log.flip(log.segment(log.firsts().back()), log.place(14) + 500);
    if (rebooted) log.reboot();
    ASSERT_EQ(log.told().substr(0, 14), "torn torn_tail");
    ASSERT_TRUE(move_torn_tail(log.path, "orders", 0, {.log = &log.silent}));
    const auto told = log.told();
    EXPECT_TRUE(told.starts_with("note quarantined orders/0/quarantine/")) << told;
    EXPECT_EQ(std::ranges::count(told, '\n'), 1) << told;
    EXPECT_EQ(log.summary.events, 15U);
    EXPECT_EQ(read_ids(*log.open()).or_throw(), numbers(0, 15));
  }
}

TEST(MoveTornTail, OneOfFewBytesLeavesNothing) {
  for (int bytes = 1; bytes < 10; ++bytes) {
    SmallLog log;
    log.fill(15);
    const auto file = log.segment(log.firsts().back());
    const auto before = read_file(log.path + "/" + file).or_throw();
    const auto end = padded(used_bytes(before));
    log.edit(file, [&](std::string& all) { all[end + static_cast<std::size_t>(bytes) - 1] = 'x'; });
    ASSERT_TRUE(move_torn_tail(log.path, "orders", 0, {.log = &log.silent}));
    EXPECT_EQ(read_file(log.path + "/" + file).or_throw(), before) << bytes;
  }
}

TEST(MoveTornTail, NotWhileAProcessHasThePartitionOpen) {
  SmallLog log;
  log.fill(15);
  const auto file = log.segment(log.firsts().back());
  log.flip(file, log.place(14) + 500);
  const auto before = read_file(log.path + "/" + file).or_throw();
  {
    auto user = log.open();
    EXPECT_EQ(move_torn_tail(log.path, "orders", 0, {.log = &log.silent}).error().code, "in_use");
  }
  EXPECT_EQ(read_file(log.path + "/" + file).or_throw(), before);
  EXPECT_FALSE(std::filesystem::exists(log.path + "/orders/0/quarantine"));
}

TEST(MoveTornTail, DamageIsLeftAsItIs) {
  SmallLog log;
  log.fill(16);
  log.reboot();
  const auto file = log.segment(log.firsts().back());
  log.flip(file, log.place(14) + 80);
  const auto before = read_file(log.path + "/" + file).or_throw();
  EXPECT_EQ(move_torn_tail(log.path, "orders", 0, {.log = &log.silent}).error().code, "corrupt");
  EXPECT_EQ(read_file(log.path + "/" + file).or_throw(), before);
  EXPECT_EQ(move_torn_tail(log.path, "nothing", 0, {.log = &log.silent}).error().code, "unknown_topic");
  EXPECT_EQ(move_torn_tail(log.path, "orders", 7, {.log = &log.silent}).error().code, "unknown_partition");
}

/// Recovery looks at the last segments only: a torn tail there goes, whatever is wrong with those before.
TEST(MoveTornTail, BesideDamageElsewhereIsLeftToo) {
  SmallLog log;
  log.fill(15);
  ASSERT_GE(log.firsts().size(), 2U);
  log.flip(log.segment(log.firsts().front()), log.place(0) + 80);
  const auto file = log.segment(log.firsts().back());
  log.flip(file, log.place(14) + 500);
  const auto before = read_file(log.path + "/" + file).or_throw();
  const auto refused = move_torn_tail(log.path, "orders", 0, {.log = &log.silent});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "corrupt");
  EXPECT_NE(refused.error().message.find(log.segment(log.firsts().front())), std::string::npos)
      << refused.error().message;
  EXPECT_EQ(read_file(log.path + "/" + file).or_throw(), before);
}

/// A file system that other machines may write to is said to be meant.
TEST(MoveTornTail, OnAnyFileSystemWhereItIsTold) {
  ForeignFiles foreign;
  SmallLog log;
  log.fill(15);
  log.flip(log.segment(log.firsts().back()), log.place(14) + 500);
  EXPECT_EQ(move_torn_tail(log.path, "orders", 0, {.files = &foreign, .log = &log.silent}).error().code,
            "unsupported_file_system");
  EXPECT_TRUE(move_torn_tail(log.path, "orders", 0, {.files = &foreign, .log = &log.silent, .any_file_system = true}));
}

}  // namespace
}  // namespace tidings::log
