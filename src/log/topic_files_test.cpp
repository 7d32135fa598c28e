#include "log/topic_files.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "log/verify_testing.hpp"

namespace tidings::log {
namespace {

/// The code with which the topic is refused by who opens it, and by who verifies it.
std::pair<std::string, std::string> refused(const MetaFile& changed) {
  const SmallLog small;
  auto meta = changed;
  meta.checksum = checksum_of(meta);
  std::ofstream(small.path + "/orders/topic.meta", std::ios::binary)
      << std::string_view(reinterpret_cast<const char*>(&meta), sizeof meta);
  const auto log = LogDirectory::open(small.path, {}).or_throw();
  const auto opened = log->find("orders");
  const auto problem = problem_of(meta, sizeof meta);
  return {opened ? "" : opened.error().code, problem ? problem->code : ""};
}

TEST(TopicMeta, WhoOpensItAndWhoVerifiesItSayTheSame) {
  using Codes = std::pair<std::string, std::string>;
  EXPECT_EQ(refused({.partitions = 1}), Codes("", ""));
  EXPECT_EQ(refused({.partitions = 1025}), Codes("corrupt", "wrong_header"));
  EXPECT_EQ(refused({.partitions = 1, .durability = 3}), Codes("corrupt", "wrong_header"));
  EXPECT_EQ(refused({.partitions = 1, .waits_for_groups = 2}), Codes("corrupt", "wrong_header"));
  // A newer version may have durabilities of its own.
  EXPECT_EQ(refused({.version = 1, .partitions = 1, .durability = 3}), Codes("newer_version", "newer_version"));
}

}  // namespace
}  // namespace tidings::log
