#include "testing/servers/nats_server.hpp"
#include "testing/servers/server_conformance.hpp"
#include "testing/servers/tcp_proxy.hpp"
#include "tidings/brokers/open.hpp"

namespace {

using namespace tidings;

class Quiet final : public LogSink {
 public:
  void write(LogLevel, std::string_view) override {}
};

class Nats final : public tidings::testing::BrokerUnderTest {
 public:
  Nats() : server_(tidings::testing::start_nats_server()) {
    if (server_) proxy_ = tidings::testing::TcpProxy::start((*server_)->port());
  }

  Result<std::unique_ptr<Broker>> open(const BrokerOptions& options) override {
    if (!server_) return server_.error();
    if (!proxy_) return proxy_.error();
    return open_broker(url() + "?lease=2s", adapted(options));
  }
  Result<std::unique_ptr<Broker>> open_bounded(std::size_t bytes) override {
    return open_broker(url() + "?bytes_max=" + std::to_string(bytes), adapted({}));
  }
  Result<> restart_server() override { return (*server_)->restart(); }
  Result<> lose_answers(bool lose) override {
    (*proxy_)->lose_answers(lose);
    return {};
  }

 private:
  [[nodiscard]] std::string url() const { return "nats://127.0.0.1:" + std::to_string((*proxy_)->port()); }
  /// The suite's topics have one partition where it says nothing else, and what is lost on purpose is no news.
  static BrokerOptions adapted(BrokerOptions options) {
    static Quiet quiet;
    if (options.log == &stderr_log()) options.log = &quiet;
    if (options.topic_defaults.partitions == 0) options.topic_defaults.partitions = 1;
    return options;
  }

  Result<std::unique_ptr<tidings::testing::ServerProcess>> server_;
  Result<std::unique_ptr<tidings::testing::TcpProxy>> proxy_ = Error{"io_error", "there is no proxy"};
};

// What an attempt has come to would have to outlive the process at no cost, and so on its machine.
const bool registered = tidings::testing::register_server_conformance("nats", tidings::testing::nats_server_is_there(),
                                                                      [] { return std::make_unique<Nats>(); },
                                                                      {"attempts_survive_the_crash_of_their_process"});

}  // namespace
