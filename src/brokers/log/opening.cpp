#include "brokers/log/log_broker.hpp"
#include "tidings/base/text.hpp"

namespace tidings::brokers {
namespace {

using log::LogDirectory;

Result<std::unique_ptr<Broker>> open_log(std::string_view url, const BrokerOptions& options) {
  auto path = std::string(url.substr(url.find(':') + 1));
  LogDirectory::Options how{
      .create = !options.must_exist, .clock = options.clock, .log = options.log, .files = options.files};
  if (const auto mark = path.find('?'); mark != path.npos) {
    const auto option = path.substr(mark + 1);
    if (option != "any_file_system=true")
      return Error{"invalid_url", "'" + printable(url) + "': '" + printable(option) +
                                      "' is no option of a log; there is any_file_system=true"};
    how.any_file_system = true;
    path.resize(mark);
  }
  if (path.empty()) return Error{"invalid_url", "'" + printable(url) + "' names no directory; write log:./data"};
  auto directory = LogDirectory::open(path, how);
  if (!directory) return directory.error();
  return std::make_unique<log::LogBroker>(std::move(*directory), options);
}

}  // namespace

BrokerFactory log_factory() {
  return {.scheme = "log", .example = "log:./data", .open = open_log};
}

}  // namespace tidings::brokers
