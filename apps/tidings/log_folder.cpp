#include "log_folder.hpp"

#include <algorithm>

#include "output.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {
namespace {

/// A folder may have a colon in its name; a URL has a scheme that there is, or `://`.
bool is_url(std::string_view text) {
  const auto scheme = text.substr(0, text.find(':'));
  return scheme.size() < text.size() &&
         (text.substr(scheme.size()).starts_with("://") ||
          std::ranges::any_of(broker_factories(), [&](const auto& one) { return one.scheme == scheme; }));
}

}  // namespace

Result<std::string> log_folder(const Common& common, const std::string& argument) {
  const auto& url = argument.empty() ? common.broker : argument;
  if (!argument.empty() && !is_url(argument)) return argument;
  if (!url.starts_with("log:"))
    return Error{"invalid_url", "'" + printable(url) + "' keeps no folder; name a log's folder, as DIR or log:DIR"};
  if (auto usable = check_broker(url); !usable) return usable.error();
  return url.substr(4, url.find('?') - 4);
}

bool on_any_file_system(const Common& common, const std::string& argument) {
  const auto& url = argument.empty() ? common.broker : argument;
  return url.starts_with("log:") && url.find('?') != url.npos;  // a log has no other option
}

Error why_no_log(const Error& error, const std::string& path) {
  if (error.code != "not_found") return error;
  return {"not_found", "there is no log at " + printable(path) + "; name its folder, as DIR or log:DIR"};
}

}  // namespace tidings::cli
