#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tidings/event/codec.hpp"
#include "tidings/event/detail/json_read.hpp"
#include "tidings/event/detail/json_write.hpp"
#include "tidings/event/json.hpp"

namespace tidings {

/// The default codec: the members' names verbatim; time points RFC 3339, durations ISO 8601, bytes base64, enums by
/// name, an empty optional null, variants `{"type":…,"value":…}`, strong types as their member. docs/events.md has the
/// table.
struct JsonCodec {
  static constexpr std::string_view content_type = "application/json";

  /// Appends `event`, written in one pass. Errors (never; nothing is appended): `invalid_utf8`, `not_finite`,
  /// `unknown_enumerator`, `out_of_range`, `too_deep` (more than `json_depth_max` levels), with the path.
  template <class T>
  static Result<> encode(const T& event, std::string& out) {
    detail::JsonWriter writer(out);
    if (!detail::write_json(writer, event)) return writer.error();
    writer.finish();
    return {};
  }

  /// Members that are missing keep their initialiser, unknown ones are skipped (and must be well-formed). A member that
  /// stands twice is refused. Errors (never): `invalid_json`, `wrong_type`, `out_of_range`, `duplicate_member`,
  /// `unknown_enumerator`, `unknown_alternative`, `missing_member`, `too_deep`, and what `from_event_data` says, with
  /// the path; `tells` says how much of the document they may tell.
  template <class T>
  static Result<T> decode(std::string_view json, JsonTells tells = JsonTells::all) {
    const detail::ReadOptions options{.tells = tells};
    if constexpr (std::default_initializable<T>) {
      T event{};
      if (auto read = detail::read_json(json, read_into<T>, &event, options); !read) return std::move(read.error());
      return event;
    } else {
      std::optional<T> event;
      if (auto read = detail::read_json(json, make<T>, &event, options); !read) return std::move(read.error());
      return std::move(*event);
    }
  }

 private:
  template <class T>
  static bool read_into(void* event, detail::JsonValue& value) {
    return detail::read_json_value(value, *static_cast<T*>(event));
  }
  template <class T>
  static bool make(void* event, detail::JsonValue& value) {
    auto& into = *static_cast<std::optional<T>*>(event);
    return detail::read_json_new<T>(value, [&](T&& made) { into.emplace(std::move(made)); });
  }
};

}  // namespace tidings
