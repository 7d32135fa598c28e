// A log that was copied without the blocks that hold nothing but zeros (cp --sparse=always): what is stored into
// through a mapping gets them when it is opened, since on a full disk a store would be a SIGBUS.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "log/testing.hpp"

namespace tidings::log {
namespace {

class Holes : public testing::TestWithParam<Durability> {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(path.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(path); }

  void make_holes() const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (!entry.is_regular_file()) continue;
      auto bytes = read_file(entry.path()).or_throw();
      const auto size = bytes.size();
      bytes.resize(used_bytes(bytes));
      overwrite(entry.path(), bytes);
      std::filesystem::resize_file(entry.path(), size);
    }
  }
  [[nodiscard]] bool has_holes(const std::string& name) const {
    struct stat status{};
    if (::stat((path + "/" + name).c_str(), &status) != 0) return true;
    return status.st_blocks * 512 < status.st_size;
  }

  std::string path = (std::filesystem::temp_directory_path() / "tidings-holes-XXXXXX").string();
  Silent silent;
};

TEST_P(Holes, AreFilledWhereSomethingIsStored) {
  const auto open = [&] { return LogDirectory::open(path, {.log = &silent}).or_throw(); };
  {
    auto log = open();
    auto topic = log->create("orders", {.durability = GetParam()}).or_throw();
    append(*topic->partition(0).or_throw(), {event("0")});
    topic->group("g", true).or_throw().join().or_throw();
  }
  make_holes();
  const auto segment = "orders/0/" + segment_name(0);
  ASSERT_TRUE(has_holes(segment));
  ASSERT_TRUE(has_holes("orders/groups/g"));  // of `slots.lock` it depends on which slot was taken
  auto log = open();
  auto topic = log->find("orders").or_throw();
  auto group = topic->group("g", false).or_throw();
  group.join().or_throw();
  append(*topic->partition(0).or_throw(), {event("1")});
  for (const auto* const name : {"slots.lock", "orders/control", "orders/0/control", "orders/groups/g"})
    EXPECT_FALSE(has_holes(name)) << name;
  if (GetParam() != Durability::durable) {
    EXPECT_FALSE(has_holes(segment));
  }
}

INSTANTIATE_TEST_SUITE_P(Durabilities, Holes, testing::Values(Durability::memory, Durability::durable));

}  // namespace
}  // namespace tidings::log
