#pragma once

#include <chrono>
#include <span>
#include <string_view>

#include "tidings/saga/schema.hpp"
#include "tidings/service/service.hpp"
#include "tidings/store/schema.hpp"

namespace shop {

/// Makes the tables of a service where they are missing; to be called before `run`. Without a store there is nothing to
/// be made, and `run` says so.
inline tidings::Result<> make_tables(tidings::Service& service, std::span<const std::string_view> statements) {
  if (service.store() == nullptr) return {};
  auto tx = service.store()->begin(std::chrono::seconds{10});
  if (!tx) return tx.error();
  // Several processes of a service may start at once, which `if not exists` alone is no guard against.
  if (auto locked = tidings::lock_schemas(**tx, service.store()->dialect()); !locked) return locked;
  for (const auto statement : statements)
    if (auto made = (*tx)->execute(statement); !made) return made.error();
  return (*tx)->commit();
}

/// The same for one that carries out commands of sagas, with the tables of `saga::Tombstones`.
inline tidings::Result<> make_participant_tables(tidings::Service& service,
                                                 std::span<const std::string_view> statements) {
  if (auto made = make_tables(service, statements); !made || service.store() == nullptr) return made;
  return tidings::saga::apply_schema(*service.store());
}

}  // namespace shop
