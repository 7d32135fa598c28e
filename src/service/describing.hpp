#pragma once

#include <span>
#include <string>
#include <vector>

#include "service/registrations.hpp"
#include "tidings/saga/definition.hpp"
#include "tidings/service/description.hpp"

namespace tidings::service {

/// A handler as it will run, `options` with what settings say.
[[nodiscard]] ServiceDescription::Handler describe(const Registered& one, const HandlerOptions& options,
                                                   const Host& host, std::string_view claim_folder);

/// An event that a handler takes, or that is published.
[[nodiscard]] ServiceDescription::Event describe(const detail::EventKind& kind);

/// Every event that a saga sends, once each.
void add_sent_kinds(const saga::Definition& definition, std::vector<const detail::EventKind*>& kinds);

/// An object of the JSON Schemas of these and of what their upcasts lead from, by `TYPE/VERSION`.
[[nodiscard]] std::string schemas_of(std::span<const detail::EventKind* const> kinds);

}  // namespace tidings::service
