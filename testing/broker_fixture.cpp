#include "tidings/testing/broker_fixture.hpp"

#include "tidings/brokers/open.hpp"

namespace tidings::testing {

namespace {

class BrokerAt final : public BrokerUnderTest {
 public:
  BrokerAt(std::string url, std::function<void(const std::string&)> on_end)
      : url_(std::move(url)), on_end_(std::move(on_end)) {}
  ~BrokerAt() override {
    if (on_end_) on_end_(url_);
  }
  BrokerAt(const BrokerAt&) = delete;
  BrokerAt& operator=(const BrokerAt&) = delete;

  Result<std::unique_ptr<Broker>> open(const BrokerOptions& options) override { return open_broker(url_, options); }

 private:
  std::string url_;
  std::function<void(const std::string&)> on_end_;
};

}  // namespace

Result<std::unique_ptr<Broker>> BrokerUnderTest::open_bounded(std::size_t) {
  return Error{"unsupported", "the fixture has no bound that a test can reach"};
}

Result<> BrokerUnderTest::restart_server() {
  return Error{"unsupported", "the fixture has no server to restart; comes with the brokers that have one"};
}

Result<> BrokerUnderTest::lose_answers(bool) {
  return Error{"unsupported", "the fixture cannot lose an answer; comes with the brokers over a network"};
}

BrokerFixture broker_at(std::function<std::string()> fresh_url, std::function<void(const std::string&)> on_end) {
  return [fresh_url = std::move(fresh_url), on_end = std::move(on_end)]() -> std::unique_ptr<BrokerUnderTest> {
    return std::make_unique<BrokerAt>(fresh_url(), on_end);
  };
}

}  // namespace tidings::testing
