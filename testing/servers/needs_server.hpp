#pragma once

#include <gtest/gtest.h>

#include "testing/servers/server_process.hpp"

/// At the head of a test: where the server is missing (`is_there` is an error) it fails, or is skipped where that is
/// allowed, and says so by its name.
#define TIDINGS_NEEDS_SERVER(is_there)                                                                          \
  if (const ::tidings::Result<> there = (is_there); !there) {                                                   \
    if (::tidings::testing::missing_servers_are_allowed()) GTEST_SKIP() << ::tidings::to_string(there.error()); \
    FAIL() << ::tidings::to_string(there.error());                                                              \
  }                                                                                                             \
  static_assert(true)
