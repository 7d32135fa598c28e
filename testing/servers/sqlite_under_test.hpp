#pragma once

#include <memory>
#include <string>

#include "testing/servers/temporary_folder.hpp"
#include "tidings/stores/open.hpp"
#include "tidings/testing/store_fixture.hpp"

namespace tidings::testing {

/// For the stores' suite: a file in a folder of its own. Whoever uses it links `tidings::testing`.
class SqliteUnderTest final : public StoreUnderTest {
 public:
  SqliteUnderTest() : folder_(TemporaryFolder::make("sqlite").or_throw()) {}
  Result<std::unique_ptr<Store>> open(const StoreOptions& options) override {
    return open_store("sqlite:" + folder_.path() + "/data.db", options);
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace tidings::testing
