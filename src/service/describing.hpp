#pragma once

#include <span>

#include "service/registrations.hpp"
#include "tidings/service/description.hpp"

namespace tidings::service {

/// A handler as it will run, `options` with what settings say.
[[nodiscard]] ServiceDescription::Handler describe(const Registered& one, const HandlerOptions& options,
                                                   const Host& host, std::string_view claim_folder);

}  // namespace tidings::service
