#include "tidings/testing/store_fixture.hpp"

#include "tidings/stores/open.hpp"

namespace tidings::testing {

namespace {

class StoreAt final : public StoreUnderTest {
 public:
  StoreAt(std::string url, std::function<void(const std::string&)> on_end)
      : url_(std::move(url)), on_end_(std::move(on_end)) {}
  ~StoreAt() override {
    if (on_end_) on_end_(url_);
  }
  StoreAt(const StoreAt&) = delete;
  StoreAt& operator=(const StoreAt&) = delete;

  Result<std::unique_ptr<Store>> open(const StoreOptions& options) override { return open_store(url_, options); }

 private:
  std::string url_;
  std::function<void(const std::string&)> on_end_;
};

}  // namespace

Result<> StoreUnderTest::restart_server() {
  return Error{"unsupported", "the fixture has no server to restart"};
}

Result<> StoreUnderTest::take_away(bool) {
  return Error{"unsupported", "the fixture has no server that can be away"};
}

Result<> StoreUnderTest::lose_answers(bool) {
  return Error{"unsupported", "the fixture cannot lose an answer"};
}

StoreFixture store_at(std::function<std::string()> fresh_url, std::function<void(const std::string&)> on_end) {
  return [fresh_url = std::move(fresh_url), on_end = std::move(on_end)]() -> std::unique_ptr<StoreUnderTest> {
    return std::make_unique<StoreAt>(fresh_url(), on_end);
  };
}

}  // namespace tidings::testing
