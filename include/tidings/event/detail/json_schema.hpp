#pragma once

#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "tidings/event/detail/json_types.hpp"
#include "tidings/event/detail/variant_names.hpp"

// What JSON a type is written as, in the words of JSON Schema.

namespace tidings::detail {

/// Writes a schema, part by part. Structs are written once, under `$defs`.
class JsonSchemaWriter {
 public:
  void raw(std::string_view text) { out_ += text; }
  void quoted(std::string_view text);
  void names(std::string_view keyword, std::span<const std::string_view> names);  ///< `{"enum":["a","b"]}`
  void integer(std::int64_t least, std::uint64_t most);
  /// A reference to a struct. True: it is new, and what is written until `end_struct` is it.
  bool begin_struct(std::string_view name);
  void end_struct();
  [[nodiscard]] std::string document() &&;

 private:
  struct Open {
    std::string name;
    std::string before;
  };
  std::string out_;
  std::vector<Open> open_;
  std::map<std::string, std::string, std::less<>> structs_;
};

template <class T>
void describe_json(JsonSchemaWriter& out);

template <class T, std::size_t N>
void describe_json_member(JsonSchemaWriter& out, std::string& required) {
  using Member = member_type<T, N>;
  if (N != 0) out.raw(",");
  out.quoted(member_names<T>[N]);
  out.raw(":");
  describe_json<Member>(out);
  if (is_optional<Member>) return;
  required += (required.empty() ? "\"" : ",\"") + std::string(member_names<T>[N]) + "\"";
}

template <class T>
void describe_json_struct(JsonSchemaWriter& out) {
  if (!out.begin_struct(type_name<T>)) return;
  out.raw(R"({"type":"object","properties":{)");
  std::string required;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (describe_json_member<T, I>(out, required), ...);
  }(std::make_index_sequence<member_count<T>>{});
  out.raw("},\"required\":[" + required + "]}");
  out.end_struct();
}

template <class T, std::size_t N>
void describe_json_alternative(JsonSchemaWriter& out) {
  if (N != 0) out.raw(",");
  out.raw(R"({"type":"object","properties":{"type":{"const":)");
  out.quoted(VariantNames<T>::names[N]);
  out.raw(R"(},"value":)");
  describe_json<std::variant_alternative_t<N, T>>(out);
  out.raw(R"(},"required":["type","value"]})");
}

template <class T>
void describe_json_variant(JsonSchemaWriter& out) {
  out.raw(R"({"oneOf":[)");
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (describe_json_alternative<T, I>(out), ...);
  }(std::make_index_sequence<std::variant_size_v<T>>{});
  out.raw("]}");
}

/// What has no JSON is anything: it is refused, with a sentence, where it is written or read.
template <class T>
void describe_json(JsonSchemaWriter& out) {
  if constexpr (std::is_same_v<T, bool>) {
    out.raw(R"({"type":"boolean"})");
  } else if constexpr (std::is_same_v<T, std::monostate>) {
    out.raw(R"({"type":"null"})");
  } else if constexpr (is_integer<T>) {
    out.integer(static_cast<std::int64_t>(std::numeric_limits<T>::min()),
                static_cast<std::uint64_t>(std::numeric_limits<T>::max()));
  } else if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    out.raw(R"({"type":"number"})");
  } else if constexpr (std::is_same_v<T, std::string>) {
    out.raw(R"({"type":"string"})");
  } else if constexpr (std::is_same_v<T, Bytes>) {
    out.raw(R"({"type":"string","contentEncoding":"base64"})");
  } else if constexpr (is_time_point<T>) {
    out.raw(R"({"type":"string","format":"date-time"})");
  } else if constexpr (is_duration<T>) {
    out.raw(R"({"type":"string","format":"duration"})");
  } else if constexpr (std::is_enum_v<T>) {
    std::vector<std::string_view> names;
    for (const auto& one : enumerators<T>) names.push_back(one.name);
    out.names("enum", names);
  } else if constexpr (is_strong<T>) {
    if constexpr (strong_is_right<T>())
      describe_json<StrongValue<T>>(out);
    else
      out.raw("{}");
  } else if constexpr (HasEventData<T>) {
    if constexpr (data_is_right<T>())
      describe_json<DataOf<T>>(out);
    else
      out.raw("{}");
  } else if constexpr (is_optional<T>) {
    out.raw(R"({"anyOf":[)");
    describe_json<typename T::value_type>(out);
    out.raw(R"(,{"type":"null"}]})");
  } else if constexpr (is_vector<T>) {
    out.raw(R"({"type":"array","items":)");
    describe_json<typename T::value_type>(out);
    out.raw("}");
  } else if constexpr (is_array<T>) {
    const auto size = std::to_string(std::tuple_size_v<T>);
    out.raw(R"({"type":"array","items":)");
    describe_json<typename T::value_type>(out);
    out.raw(",\"minItems\":" + size + ",\"maxItems\":" + size + "}");
  } else if constexpr (is_map<T>) {
    out.raw(R"({"type":"object","additionalProperties":)");
    describe_json<typename T::mapped_type>(out);
    out.raw("}");
  } else if constexpr (is_variant<T>) {
    describe_json_variant<T>(out);
  } else if constexpr (PlainStruct<T>) {
    describe_json_struct<T>(out);
  } else {
    out.raw("{}");
  }
}

}  // namespace tidings::detail
