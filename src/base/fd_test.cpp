#include "tidings/base/fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace tidings {
namespace {

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) != -1;
}

TEST(Fd, closes_what_it_owns_once_and_leaves_errno) {
  const int one = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int two = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  {
    Fd first(one);
    Fd second(two);
    first = std::move(second);
    EXPECT_EQ(first.get(), two);
    const Fd third(std::move(first));
    EXPECT_EQ(first.get(), -1);  // NOLINT(bugprone-use-after-move): what is left
    EXPECT_TRUE(is_open(one) && is_open(two)) << "none is lost on the way";
    errno = ENOSPC;
  }
  EXPECT_EQ(errno, ENOSPC);
  EXPECT_FALSE(is_open(one) || is_open(two));
}

}  // namespace
}  // namespace tidings
