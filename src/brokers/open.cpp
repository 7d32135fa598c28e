#include "tidings/brokers/open.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include "tidings/base/redact.hpp"

namespace tidings {

namespace brokers {
std::vector<BrokerFactory> all_factories();
}

std::span<const BrokerFactory> broker_factories() {
  static const auto factories = brokers::all_factories();
  return factories;
}

Result<std::unique_ptr<Broker>> open_broker(std::string_view url, const BrokerOptions& options) {
  std::string known;
  const auto scheme = url.substr(0, url.find(':'));
  for (const auto& factory : broker_factories()) {
    if (scheme.size() < url.size() && factory.scheme == scheme) return factory.open(url, options);
    known += (known.empty() ? "" : ", ") + factory.example;
  }
  if (scheme.size() == url.size())
    return Error{"invalid_url", "'" + redacted(url) + "' is no broker URL; write one as " + known};
  return Error{"unknown_broker", "no broker for '" + redacted(url) + "' in this build; there are " + known};
}

std::string broker_place(std::string_view url) {
  const auto scheme = url.substr(0, url.find(':'));
  if (scheme != "log" || scheme.size() == url.size()) return std::string(scheme);
  const auto path = url.substr(scheme.size() + 1);
  const std::filesystem::path folder(path.substr(0, path.find('?')));
  std::error_code error;
  const auto whole = std::filesystem::weakly_canonical(folder, error);
  return "log:" + (error ? folder : whole).string();
}

}  // namespace tidings
