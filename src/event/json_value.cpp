#include "tidings/event/json_value.hpp"

#include <simdjson.h>

#include <bit>
#include <cstring>
#include <limits>
#include <optional>

#include "event/eight_bytes.hpp"

namespace tidings {
namespace {

namespace od = simdjson::ondemand;

/// Deeper documents are refused: readers recurse.
constexpr int depth_max = 500;

od::value& as_value(void* value) {
  return *static_cast<od::value*>(value);
}

std::string_view kind_of(od::value& value) {
  od::json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS) return "something malformed";
  switch (type) {
    case od::json_type::array:
      return "an array";
    case od::json_type::object:
      return "an object";
    case od::json_type::number:
      return "a number";
    case od::json_type::string:
      return "a text";
    case od::json_type::boolean:
      return "a boolean";
    case od::json_type::null:
      return "null";
  }
  return "something malformed";
}

bool refuse(JsonValue& into, od::value& value, simdjson::error_code error, std::string_view wanted) {
  // A malformed literal (`tru`) is also of the wrong type to simdjson.
  if (const auto got = kind_of(value); error == simdjson::INCORRECT_TYPE && got != wanted)
    return into.fail("wrong_type", "expected " + std::string(wanted) + ", got " + std::string(got));
  return into.fail("invalid_json", std::string("malformed value: ") + simdjson::error_message(error));
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The grammar of RFC 8259 for numbers, so that 01 or 1. do not pass.
bool is_number(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const auto begin = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i > begin;
  };
  if (i < text.size() && text[i] == '-') ++i;
  if (i < text.size() && text[i] == '0')
    ++i;
  else if (!digits())
    return false;
  if (i < text.size() && text[i] == '.' && (++i, !digits())) return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (!digits()) return false;
  }
  return i == text.size();
}

/// Why a number could not be taken; `is_whole` where one without a fraction is wanted.
bool refuse_number(JsonValue& into, od::value& value, bool is_whole, std::string_view bound) {
  if (value.type().value_unsafe() != od::json_type::number)
    return refuse(into, value, simdjson::INCORRECT_TYPE, is_whole ? "an integer" : "a number");
  const auto text = into.raw();
  if (!is_number(text)) return into.fail("invalid_json", "malformed number");
  if (is_whole && text.find_first_of(".eE") != text.npos)
    return into.fail("wrong_type", "expected an integer, got " + std::string(text.substr(0, 40)));
  return into.fail("out_of_range", std::string(text.substr(0, 40)) + " does not fit " + std::string(bound));
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\r' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

/// The text up to the next quote; no data where a backslash stands before it. The parser has seen that there is a
/// quote.
std::string_view until_quote(const char* begin) {
  for (const char* at = begin;; at += 8) {
    const auto eight = eight_bytes(at);  // the padding behind the document is longer
    const auto found = zero_bytes(eight ^ every_byte('"')) | zero_bytes(eight ^ every_byte('\\'));
    if (found == 0) continue;
    const char* const end = at + std::countr_zero(found) / 8;
    if (*end == '"') return {begin, static_cast<std::size_t>(end - begin)};
    return {};
  }
}

/// A parser and a padded buffer a thread: the parser wants room behind the text, and both keep their memory from call
/// to call.
struct Parser {
  od::parser parser;
  std::string buffer;
  bool busy = false;

  od::parser* begin(std::string_view document, simdjson::padded_string_view& view) {
    // A large document's memory is not kept.
    if (buffer.capacity() > (std::size_t{4} << 20) && document.size() < buffer.capacity() / 4) buffer = {};
    buffer.resize(document.size() + simdjson::SIMDJSON_PADDING);
    if (!document.empty()) std::memcpy(buffer.data(), document.data(), document.size());
    std::memset(buffer.data() + document.size(), 0, simdjson::SIMDJSON_PADDING);
    view = simdjson::padded_string_view(buffer.data(), document.size(), buffer.size());
    return &parser;
  }
};

}  // namespace

bool JsonValue::fail(std::string_view code, std::string message) {
  if (failure_->code.empty()) *failure_ = {std::string(code), std::move(message), {}};
  return false;
}

bool JsonValue::object(Member member, void* context) {
  if (depth_ >= depth_max) return fail("too_deep", "nested deeper than " + std::to_string(depth_max) + " levels");
  auto& value = as_value(value_);
  od::object object;
  if (const auto error = value.get_object().get(object)) return refuse(*this, value, error, "an object");
  return members(&object, member, context);
}

bool JsonValue::members(void* from, Member member, void* context) {
  for (auto item : *static_cast<od::object*>(from)) {
    if (const auto error = item.error())
      return fail("invalid_json", std::string("malformed object: ") + simdjson::error_message(error));
    // By reference: a copy is written in parts and read whole, which costs more than all else here.
    auto&& field = std::move(item).value_unsafe();
    auto name = until_quote(field.key().raw());
    if (name.data() == nullptr)
      if (const auto error = field.unescaped_key().get(name))
        return fail("invalid_json", std::string("malformed name: ") + simdjson::error_message(error));
    JsonValue child(&field.value(), *failure_, depth_ + 1);
    if (!member(context, name, child)) return false;
  }
  return true;
}

bool JsonValue::tagged(std::string_view tag, Member on_tag, Member member, void* context) {
  if (depth_ >= depth_max) return fail("too_deep", "nested deeper than " + std::to_string(depth_max) + " levels");
  auto& value = as_value(value_);
  od::object object;
  if (const auto error = value.get_object().get(object)) return refuse(*this, value, error, "an object");
  // What is passed over on the way to the tag is checked when it is read. The text is not unescaped here: the room for
  // that is measured for reading once.
  od::value found;
  if (const auto error = object.find_field_unordered(tag).get(found)) {
    if (error == simdjson::NO_SUCH_FIELD)
      return fail("missing_member", "there is no member '" + std::string(tag) + "'");
    return fail("invalid_json", std::string("malformed object: ") + simdjson::error_message(error));
  }
  const auto token = trimmed(found.raw_json_token());
  const bool is_text = token.size() >= 2 && token.front() == '"';
  JsonValue child(&found, *failure_, depth_ + 1);
  if (!is_text) child.fail("wrong_type", "expected a text, got " + std::string(kind_of(found)));
  if (!is_text || !on_tag(context, token.substr(1, token.size() - 2), child)) {
    add_to_path("." + std::string(tag));
    return false;
  }
  if (const auto error = object.reset().error())
    return fail("invalid_json", std::string("malformed object: ") + simdjson::error_message(error));
  return members(&object, member, context);
}

bool JsonValue::array(Element element, void* context) {
  if (depth_ >= depth_max) return fail("too_deep", "nested deeper than " + std::to_string(depth_max) + " levels");
  auto& value = as_value(value_);
  od::array array;
  if (const auto error = value.get_array().get(array)) return refuse(*this, value, error, "an array");
  std::size_t index = 0;
  for (auto item : array) {
    if (const auto error = item.error())
      return fail("invalid_json", std::string("malformed array: ") + simdjson::error_message(error));
    auto&& inner = std::move(item).value_unsafe();
    JsonValue child(&inner, *failure_, depth_ + 1);
    if (!element(context, child)) {
      add_to_path("[" + std::to_string(index) + "]");
      return false;
    }
    ++index;
  }
  return true;
}

bool JsonValue::text(std::string& out) {
  auto& value = as_value(value_);
  // A text without escapes is there already: that it is UTF-8, closed and without control characters was checked when
  // the document was opened.
  if (const char* const token = value.raw_json_token().data(); *token == '"') {
    if (const auto text = until_quote(token + 1); text.data() != nullptr) {
      od::raw_json_string taken;
      if (const auto error = value.get_raw_json_string().get(taken)) return refuse(*this, value, error, "a text");
      out.assign(text);
      return true;
    }
  }
  std::string_view view;
  if (const auto error = value.get_string().get(view)) return refuse(*this, value, error, "a text");
  out.assign(view);
  return true;
}

bool JsonValue::integer(std::int64_t& out) {
  auto& value = as_value(value_);
  return value.get_int64().get(out) == simdjson::SUCCESS || refuse_number(*this, value, true, "64 bits with a sign");
}

bool JsonValue::integer(std::uint64_t& out) {
  auto& value = as_value(value_);
  return value.get_uint64().get(out) == simdjson::SUCCESS ||
         refuse_number(*this, value, true, "64 bits without a sign");
}

bool JsonValue::number(double& out) {
  auto& value = as_value(value_);
  return value.get_double().get(out) == simdjson::SUCCESS || refuse_number(*this, value, false, "a double");
}

bool JsonValue::boolean(bool& out) {
  auto& value = as_value(value_);
  if (const auto error = value.get_bool().get(out)) return refuse(*this, value, error, "a boolean");
  return true;
}

bool JsonValue::null() {
  bool is_null = false;
  return as_value(value_).is_null().get(is_null) == simdjson::SUCCESS && is_null;
}

std::string_view JsonValue::raw() {
  return trimmed(as_value(value_).raw_json_token());
}

bool JsonValue::skip() {
  auto& value = as_value(value_);
  od::json_type type{};
  if (const auto error = value.type().get(type)) return refuse(*this, value, error, "a value");
  switch (type) {
    case od::json_type::object:
      return object([](void*, std::string_view, JsonValue& inner) { return inner.skip(); }, nullptr);
    case od::json_type::array:
      return array([](void*, JsonValue& inner) { return inner.skip(); }, nullptr);
    case od::json_type::number:
      // By the grammar alone: a number that fits no type of ours is well-formed, and nobody reads it. The parser passes
      // over what was not taken.
      return is_number(raw()) || fail("invalid_json", "malformed number");
    case od::json_type::string: {
      std::string_view ignored;
      if (const auto error = value.get_string().get(ignored)) return refuse(*this, value, error, "a text");
      return true;
    }
    case od::json_type::boolean: {
      bool ignored = false;
      return boolean(ignored);
    }
    case od::json_type::null:
      return null() || fail("invalid_json", "malformed value");
  }
  return fail("invalid_json", "malformed value");
}

bool JsonValue::copy(std::string& out) {
  auto& value = as_value(value_);
  const auto scalar = raw();
  const bool nested = scalar.starts_with('{') || scalar.starts_with('[');
  const char* const begin = scalar.data();
  if (!skip()) return false;
  if (!nested) {
    out.assign(scalar);
    return true;
  }
  // The parser now stands on the token behind the value: a comma or a closing bracket, with blanks before it.
  const char* end = nullptr;
  if (value.current_location().get(end) != simdjson::SUCCESS)
    return fail("invalid_json", "the document ends too early");
  std::string_view text(begin, static_cast<std::size_t>(end - begin));
  out.assign(trimmed(text));
  return true;
}

Result<> read_json(std::string_view document, bool (*read)(void* context, JsonValue& value), void* context) {
  thread_local Parser shared;
  std::optional<Parser> own;  // a reader that reads another document meanwhile
  auto& parser = shared.busy ? own.emplace() : shared;
  JsonFailure failure;
  const auto error_of = [&](const JsonFailure& why) {
    const auto path = why.path.empty() ? std::string("$") : "$" + why.path;
    return Error{why.code, path + ": " + why.message, Retry::never};
  };
  const auto malformed = [&](simdjson::error_code error) {
    return error_of({"invalid_json", std::string("the document is no JSON: ") + simdjson::error_message(error), {}});
  };
  parser.busy = true;
  struct Release {
    Parser& parser;
    ~Release() { parser.busy = false; }
  } release{parser};
  simdjson::padded_string_view view;
  auto* const engine = parser.begin(document, view);
  od::document opened;
  if (const auto error = engine->iterate(view).get(opened)) return malformed(error);
  // A scalar document is not a value to simdjson: wrapped in an array it is, and readers see one kind of thing only.
  od::json_type type{};
  if (const auto error = opened.type().get(type)) return malformed(error);
  if (type != od::json_type::object && type != od::json_type::array) {
    const auto wrapped = "[" + std::string(document) + "]";
    struct Inner {
      bool (*read)(void*, JsonValue&);
      void* context;
      int seen = 0;
    } inner{read, context};
    parser.busy = true;
    auto result = read_json(
        wrapped,
        [](void* raw, JsonValue& outer) {
          return outer.array(
              [](void* raw_inner, JsonValue& value) {
                auto& self = *static_cast<Inner*>(raw_inner);
                if (self.seen++ != 0) return value.fail("invalid_json", "more than one value in the document");
                return self.read(self.context, value);
              },
              raw);
        },
        &inner);
    if (!result) {
      auto error = result.error();
      if (const auto at = error.message.find("$[0]"); at == 0) error.message.erase(1, 3);
      if (const auto at = error.message.find("$[1]"); at == 0) error.message.erase(1, 3);
      return error;
    }
    return {};
  }
  od::value root;
  if (const auto error = opened.get_value().get(root)) return malformed(error);
  JsonValue value(&root, failure, 0);
  if (!read(context, value))
    return error_of(failure.code.empty() ? JsonFailure{"invalid_json", "the document was refused", {}} : failure);
  // At the end the parser stands on the first byte behind the text.
  const char* rest = nullptr;
  if (opened.current_location().get(rest) == simdjson::SUCCESS && rest < parser.buffer.data() + document.size())
    return error_of({"invalid_json", "something stands behind the document", {}});
  return {};
}

}  // namespace tidings
