#include <gtest/gtest.h>

#include <string_view>

#include "rig.hpp"

int main(int count, char** arguments) {
  if (count > 1 && std::string_view(arguments[1]) == "member") return tidings::faults::member_process(count, arguments);
  ::testing::InitGoogleTest(&count, arguments);
  return RUN_ALL_TESTS();
}
