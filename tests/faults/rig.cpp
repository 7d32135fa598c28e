#include "rig.hpp"

namespace tidings::faults {

namespace {

class Quiet final : public LogSink {
 public:
  void write(LogLevel, std::string_view) override {}
};

}  // namespace

BrokerOptions quiet_options() {
  static Quiet quiet;
  BrokerOptions options;
  options.log = std::getenv("FAULTS_LOG") == nullptr ? static_cast<LogSink*>(&quiet) : &stderr_log();
  return options;
}

OpenBroker Rig::opens(bool through_proxy) const {
  return [url = url(through_proxy)] { return open_broker(url, quiet_options()); };
}

}  // namespace tidings::faults
