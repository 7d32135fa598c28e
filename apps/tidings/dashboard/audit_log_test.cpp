#include "dashboard/audit_log.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "describe/json_tree.hpp"
#include "testing/servers/temporary_folder.hpp"

namespace tidings::cli {
namespace {

const TimePoint noon{std::chrono::seconds{1'700'000'000}};

AuditLog::Entry entry(const std::string& action, const std::string& arguments = "{}") {
  return {.actor = "127.0.0.1", .action = action, .arguments = arguments, .outcome = "done", .message = {}};
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

TEST(AuditLog, WhatCannotBeWrittenIsToldAndWrittenLater) {
  AuditLog log;
  if (!log.open("/dev/full")) GTEST_SKIP() << "there is no /dev/full";
  EXPECT_TRUE(log.ready());
  const auto refused = log.add(entry("a"), noon);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "audit_failed");
  EXPECT_FALSE(log.ready()) << "nothing more is done until it can be";
  EXPECT_EQ(parse_json_tree(log.json())->find("entries")->items.size(), 1U);
}

}  // namespace
}  // namespace tidings::cli
