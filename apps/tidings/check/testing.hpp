#pragma once

#include "check/rule.hpp"

// What tests of rules share.
namespace tidings::check {

[[nodiscard]] inline std::vector<Finding> found_in(const Project& project) {
  const Project* const one = &project;
  return find({&one, 1});
}

}  // namespace tidings::check
