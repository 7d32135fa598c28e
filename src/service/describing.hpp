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

/// What is published, and by what: a handler, a schedule, the outbox outside of handlers, or nobody knows.
struct Published {
  const detail::EventKind* kind = nullptr;
  std::string handler;
  std::string schedule;
  bool by_outbox = false;
};

/// What `Service::requests` was told.
struct Requested {
  const detail::EventKind* kind = nullptr;
  std::vector<const detail::EventKind*> replies;
};

/// Every event that a saga sends, once each; its handler publishes them.
void add_sent_kinds(const saga::Definition& definition, std::vector<Published>& published);

/// Each event once, in the order in which they were told first.
[[nodiscard]] std::vector<ServiceDescription::Publication> describe(std::span<const Published> published);

[[nodiscard]] ServiceDescription::Request describe(const Requested& requested, const Host& host);

/// An object of the JSON Schemas of these and of what their upcasts lead from, by `TYPE/VERSION`.
[[nodiscard]] std::string schemas_of(std::span<const detail::EventKind* const> kinds);

}  // namespace tidings::service
