#include <cstdlib>
#include <filesystem>

#include "tidings/testing/broker_conformance_gtest.hpp"

namespace {

std::string fresh_url() {
  auto folder = (std::filesystem::temp_directory_path() / "tidings-conformance-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) std::abort();
  return "log:" + folder;
}

void remove_log(const std::string& url) {
  std::filesystem::remove_all(url.substr(url.find(':') + 1));
}

}  // namespace

// A full disk is no back-pressure, and there is no server to restart and no answer to lose.
TIDINGS_BROKER_CONFORMANCE(log, tidings::testing::broker_at(fresh_url, remove_log),
                           {"back_pressure_is_reported_within_the_deadline",
                            "an_unknown_outcome_is_told_apart_from_a_failure", "reconnects_after_the_broker_restarts"});
