#pragma once

#include <string>

#include "tidings/event/detail/json_schema.hpp"

namespace tidings {

/// What `JsonCodec` writes of a `T`, as a JSON Schema (draft 2020-12): `required` are the members that are no optional;
/// who reads takes a missing one as its initialiser says. Structs within stand under `$defs`, by their names. What
/// a class with `to_event_data` checks is not told, only what its data are.
template <class T>
[[nodiscard]] std::string json_schema() {
  detail::JsonSchemaWriter writer;
  detail::describe_json<T>(writer);
  return std::move(writer).document();
}

}  // namespace tidings
