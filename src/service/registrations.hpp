#pragma once

#include <memory>
#include <string>
#include <vector>

#include "service/host.hpp"
#include "service/settings.hpp"
#include "tidings/service/detail/handler.hpp"
#include "tidings/service/options.hpp"

namespace tidings::service {

/// A handler before it runs.
struct Registered {
  std::string name;
  HandlerOptions options;
  std::unique_ptr<detail::Handler> handler;
};

/// The broker's name of a handler's group, in its namespace; of one whose instances each have their own, this
/// process's.
[[nodiscard]] std::string group_name(const Host& host, std::string_view handler, const HandlerOptions& options);

/// Whether this is one of those processes that each get every event, and has no name: it shares nothing with the others
/// and goes on nowhere.
[[nodiscard]] bool remembers_nothing(const Host& host, const HandlerOptions& options);

/// What stands in code, and whether it fits together: names, options, versions, settings of handlers. Errors:
/// `invalid_name`, `invalid_options`, `no_key`, `duplicate_event`, `invalid_setting`.
[[nodiscard]] Result<> check_registered(const std::vector<Registered>& all, const Host& host, const Settings& settings);
/// Warns of events that are known by what their C++ types happen to be called.
void warn_of_names(const std::vector<Registered>& all, const Host& host);

}  // namespace tidings::service
