#include "dashboard/audit_log.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "describe/json_tree.hpp"
#include "testing/servers/temporary_folder.hpp"

namespace tidings::cli {
namespace {

const TimePoint noon{std::chrono::seconds{1'700'000'000}};

AuditLog::Entry entry(const std::string& action, const std::string& arguments = "{}") {
  return {
      .id = action, .actor = "127.0.0.1", .action = action, .arguments = arguments, .outcome = "done", .message = {}};
}

TEST(AuditLog, KeepsTheLast500TheNewestFirst) {
  AuditLog log;
  for (int i = 0; i < 600; ++i) ASSERT_TRUE(log.add(entry(std::to_string(i)), noon));
  const auto entries = parse_json_tree(log.json())->find("entries")->items;
  ASSERT_EQ(entries.size(), 500U);
  EXPECT_EQ(entries.front().find("action")->scalar, "599");
}

TEST(AuditLog, EachLineOfTheFileIsOneEntryWhateverIsInIt) {
  auto folder = testing::TemporaryFolder::make("audit").or_throw();
  const auto path = folder.path() + "/audit.jsonl";
  {
    AuditLog log;
    ASSERT_TRUE(log.open(path));
    ASSERT_TRUE(log.add(entry("a", "{\"key\":\n\"x\\ny\"}"), noon));
    ASSERT_TRUE(log.add(entry("b\n{\"forged\":1}\x1b[31m\xe2\x80\xae"), noon));
  }
  AuditLog again;
  ASSERT_TRUE(again.open(path));
  ASSERT_TRUE(again.add(entry("c"), noon));
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    EXPECT_TRUE(parse_json_tree(line)) << line;
    EXPECT_EQ(line.find('\x1b'), line.npos);
    EXPECT_EQ(line.find("\xe2\x80\xae"), line.npos);
    lines.push_back(line);
  }
  EXPECT_EQ(lines.size(), 3U);
  EXPECT_EQ(static_cast<unsigned>(std::filesystem::status(path).permissions()), 0600U);
}

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

/// Nothing more can be written to files, while it is there.
class FullDisk {
 public:
  FullDisk() {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    was_ = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit none{.rlim_cur = 0, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, was_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  sighandler_t was_{};
};

TEST(AuditLog, WhatCannotBeWrittenIsToldAndWrittenLater) {
  auto folder = testing::TemporaryFolder::make("audit").or_throw();
  const auto path = folder.path() + "/audit.jsonl";
  AuditLog log;
  ASSERT_TRUE(log.open(path));
  EXPECT_TRUE(log.ready());
  {
    const FullDisk full;
    const auto refused = log.add(entry("a"), noon);
    EXPECT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "audit_failed");
    EXPECT_FALSE(log.ready()) << "nothing more is done until it can be";
    EXPECT_EQ(parse_json_tree(log.json())->find("entries")->items.size(), 1U);
  }
  EXPECT_TRUE(log.ready());
  ASSERT_TRUE(log.add(entry("b"), noon));
  EXPECT_EQ(lines_of(path).size(), 2U);
}

TEST(AuditLog, TheOutcomeTakesThePlaceOfWhatWasAsked) {
  auto folder = testing::TemporaryFolder::make("audit").or_throw();
  const auto path = folder.path() + "/audit.jsonl";
  AuditLog log;
  ASSERT_TRUE(log.open(path));
  auto asked = entry("a");
  asked.outcome = "asked";
  ASSERT_TRUE(log.add(asked, noon));
  EXPECT_EQ(parse_json_tree(lines_of(path).at(0))->find("outcome")->scalar, "asked") << "before it is done";
  ASSERT_TRUE(log.add(entry("b"), noon));
  ASSERT_TRUE(log.add(entry("a"), noon));
  const auto entries = parse_json_tree(log.json())->find("entries")->items;
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries.at(1).find("id")->scalar, "a");
  EXPECT_EQ(entries.at(1).find("outcome")->scalar, "done");
  EXPECT_EQ(lines_of(path).size(), 3U);
}

TEST(AuditLog, AFileThatIsMovedAwayOrRemovedIsMadeAnew) {
  auto folder = testing::TemporaryFolder::make("audit").or_throw();
  const auto path = folder.path() + "/audit.jsonl";
  AuditLog log;
  ASSERT_TRUE(log.open(path));
  ASSERT_TRUE(log.add(entry("a"), noon));
  std::filesystem::rename(path, path + ".1");
  ASSERT_TRUE(log.add(entry("b"), noon));
  EXPECT_EQ(lines_of(path + ".1").size(), 1U);
  EXPECT_EQ(lines_of(path).size(), 1U);
  std::filesystem::remove(path);
  ASSERT_TRUE(log.add(entry("c"), noon));
  EXPECT_EQ(lines_of(path).size(), 1U);
  std::filesystem::rename(path, path + ".2");
  std::filesystem::create_directory(path);
  EXPECT_EQ(log.add(entry("d"), noon).error().code, "audit_failed");
  std::filesystem::remove(path);
  EXPECT_TRUE(log.ready());
  EXPECT_EQ(lines_of(path).size(), 1U);
}

TEST(AuditLog, ALineThatWasCutOffTakesNoOtherAlong) {
  auto folder = testing::TemporaryFolder::make("audit").or_throw();
  const auto path = folder.path() + "/audit.jsonl";
  std::ofstream(path) << "{\"id\":\"cut o";
  AuditLog log;
  ASSERT_TRUE(log.open(path));
  EXPECT_TRUE(log.ready());
  ASSERT_TRUE(log.add(entry("a"), noon));
  ASSERT_EQ(lines_of(path).size(), 2U);
  EXPECT_TRUE(parse_json_tree(lines_of(path).at(1)));
}

TEST(AuditLog, WhatKeepsNothingIsNoAuditLog) {
  auto folder = testing::TemporaryFolder::make("audit").or_throw();
  const auto pipe = folder.path() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(AuditLog().open(pipe).error().code, "not_a_file");
  EXPECT_EQ(AuditLog().open("/dev/null").error().code, "not_a_file");
}

}  // namespace
}  // namespace tidings::cli
