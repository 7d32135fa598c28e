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

TIDINGS_BROKER_CONFORMANCE(log, tidings::testing::broker_at(fresh_url, remove_log));
