#include "event/json_parser.hpp"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

namespace tidings {
namespace {

// Documents up to this size never make a parser grow; it costs some 20 KiB a thread.
constexpr std::size_t capacity_min = 4096;
// Room for larger ones is given back when a much smaller one comes.
constexpr std::size_t capacity_kept = std::size_t{4} << 20;
static_assert(json_padding >= simdjson::SIMDJSON_PADDING);

const simdjson::implementation* implementation_named(std::string_view name) {
  const simdjson::implementation* const active = simdjson::get_active_implementation();
  if (name.empty()) return active;
  const auto* const named = simdjson::get_available_implementations()[name];
  return named != nullptr && named->supported_by_runtime_system() ? named : active;
}

}  // namespace

struct JsonParser::Engine {
  const simdjson::implementation* implementation = nullptr;
  std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
  std::unique_ptr<char[]> buffer;
  std::size_t capacity = 0;

  simdjson::error_code make_room(std::size_t size) {
    if (buffer && size <= capacity && (capacity <= capacity_kept || size >= capacity / 4)) return simdjson::SUCCESS;
    buffer.reset();
    if (size > simdjson::SIMDJSON_MAXSIZE_BYTES) return simdjson::CAPACITY;
    const auto room = std::min(std::bit_ceil(std::max(size, capacity_min)), simdjson::SIMDJSON_MAXSIZE_BYTES);
    // The depth is that of simdjson's second stage, which is not used.
    const auto error =
        stage ? stage->set_capacity(room) : implementation->create_dom_parser_implementation(room, 1, stage);
    if (error != simdjson::SUCCESS) return error;
    buffer = std::make_unique_for_overwrite<char[]>(room + json_padding);
    capacity = room;
    return simdjson::SUCCESS;
  }
};

JsonParser::JsonParser(std::string_view implementation) : engine_(std::make_unique<Engine>()) {
  engine_->implementation = implementation_named(implementation);
}
JsonParser::JsonParser(JsonParser&& other) noexcept = default;
JsonParser& JsonParser::operator=(JsonParser&& other) noexcept = default;
JsonParser::~JsonParser() = default;

JsonParser* JsonParser::of_this_thread() {
  thread_local constinit bool is_gone = false;  // has no destructor, and so outlives the parser
  struct Owned {
    JsonParser parser;
    ~Owned() { is_gone = true; }
  };
  if (is_gone) [[unlikely]]
    return nullptr;
  thread_local Owned owned;
  return &owned.parser;
}

std::string_view JsonParser::implementation() const {
  return engine_->implementation->name();
}

Result<JsonTokens> JsonParser::open(std::string_view text) {
  auto& engine = *engine_;
  auto error = engine.make_room(text.size());
  if (error == simdjson::SUCCESS) {
    char* const copy = engine.buffer.get();
    if (!text.empty()) std::memcpy(copy, text.data(), text.size());
    std::memset(copy + text.size(), 0, json_padding);
    error =
        engine.stage->stage1(reinterpret_cast<const std::uint8_t*>(copy), text.size(), simdjson::stage1_mode::regular);
  }
  if (error != simdjson::SUCCESS)
    return Error{"invalid_json", std::string("the document is no JSON: ") + simdjson::error_message(error)};
  auto* const tokens = engine.stage->structural_indexes.get();
  auto* const end = tokens + engine.stage->n_structural_indexes;
  end[0] = end[1] = static_cast<std::uint32_t>(text.size());
  return JsonTokens{engine.buffer.get(), text.size(), tokens, end};
}

}  // namespace tidings
