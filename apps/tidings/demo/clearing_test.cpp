#include "demo/clearing.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace tidings::cli {
namespace {

namespace fs = std::filesystem;

class ClearAway : public testing::Test {
 protected:
  ClearAway() {
    EXPECT_NE(::mkdtemp(folder.data()), nullptr);
    fs::create_directories(folder + "/run/notifications/mails");
    fs::create_directories(folder + "/run/empty");
    for (int mail = 0; mail < mails; ++mail)
      std::ofstream(folder + "/run/notifications/mails/" + std::to_string(mail)) << "x";
    std::ofstream(folder + "/outside") << "x";
    fs::create_symlink(folder, folder + "/run/link");
  }
  ~ClearAway() override { fs::remove_all(folder); }
  [[nodiscard]] int left() const {
    int count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder + "/run"))
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }

  static constexpr int mails = 50;
  std::string folder = (fs::temp_directory_path() / "tidings-clear-XXXXXX").string();
};

TEST_F(ClearAway, removes_everything_and_follows_no_link) {
  EXPECT_TRUE(clear_away(folder + "/run",
                         {[] { return false; }, [] { ADD_FAILURE() << "it was quick"; }, std::chrono::hours{1}}));
  EXPECT_FALSE(fs::exists(folder + "/run"));
  EXPECT_TRUE(fs::exists(folder + "/outside"));
}

TEST_F(ClearAway, tells_once_that_it_takes_long) {
  int told = 0;
  EXPECT_TRUE(clear_away(folder + "/run", {[] { return false; }, [&] { ++told; }, std::chrono::milliseconds{0}}));
  EXPECT_EQ(told, 1);
}

TEST_F(ClearAway, ends_where_it_is_no_longer_wanted) {
  int asked = 0;
  EXPECT_FALSE(clear_away(folder + "/run", {[&] { return ++asked > 20; }, [] {}, std::chrono::hours{1}}));
  EXPECT_GT(left(), 0);
  EXPECT_LT(left(), mails);
}

}  // namespace
}  // namespace tidings::cli
