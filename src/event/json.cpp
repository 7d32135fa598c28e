#include "tidings/event/json.hpp"

#include <optional>

#include "tidings/base/text.hpp"
#include "tidings/event/detail/json_value.hpp"

namespace tidings {

using detail::JsonValue;
using detail::read_json;

Result<> check_json(std::string_view document) {
  return read_json(document, [](void*, JsonValue& value) { return value.skip(); }, nullptr);
}

Result<std::string> json_member_text(std::string_view document, std::string_view member) {
  struct Reading {
    std::string_view wanted;
    std::optional<std::string> found;
  } reading{member, {}};
  auto read = read_json(
      document,
      [](void* context, JsonValue& root) {
        return root.object(
            [](void* inner_context, std::string_view name, JsonValue& value) {
              auto& self = *static_cast<Reading*>(inner_context);
              if (name != self.wanted) return value.skip();
              if (self.found)
                return value.fail("duplicate_member", "the name " + printable(name) + " stands twice in one object");
              const auto raw = value.raw();
              const bool is_text = !raw.empty() && raw.front() == '"';
              if (!is_text && raw.find_first_not_of("-0123456789") != raw.npos)
                return value.fail("wrong_type", "the member " + printable(name) + " must be a text or an integer");
              if (is_text) return value.text(self.found.emplace());
              self.found = std::string(raw);
              return value.skip();
            },
            context);
      },
      &reading);
  if (!read) return std::move(read.error());
  if (!reading.found) return Error{"missing_member", "there is no member '" + printable(member) + "'"};
  return std::move(*reading.found);
}

}  // namespace tidings
