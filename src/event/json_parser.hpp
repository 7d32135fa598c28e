#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings {

/// A document whose tokens have been found: that it is UTF-8, that its texts are closed and hold no control characters
/// was checked; nothing else was. Valid until its parser opens another one.
struct JsonTokens {
  const char* text = nullptr;             ///< A copy, with `json_padding` zero bytes behind it.
  std::size_t size = 0;                   ///< Bytes of the text.
  const std::uint32_t* tokens = nullptr;  ///< Where each bracket, comma, colon, text, number and literal begins.
  const std::uint32_t* end = nullptr;     ///< Behind the last one; here and once more behind it stands `size`.
};

/// What may be read behind a document's text.
inline constexpr std::size_t json_padding = 64;

/// Finds the tokens of documents: simdjson's first stage, which picks its instructions when it runs, by the processor.
/// Keeps its memory from document to document. Not thread-safe.
class JsonParser {
 public:
  /// With simdjson's implementation of that name (`fallback`, `haswell`, …); with the best one for this processor where
  /// the name is empty, unknown, or of one that the processor lacks instructions for.
  explicit JsonParser(std::string_view implementation = {});
  JsonParser(JsonParser&& other) noexcept;
  JsonParser& operator=(JsonParser&& other) noexcept;
  ~JsonParser();

  /// The parser of this thread; null where the thread ends and has lost it: destructors of static objects and of other
  /// thread_local ones may read documents too. Where a reader reads another one meanwhile, it takes one of its own.
  static JsonParser* of_this_thread();

  /// `text` is copied first: it may be memory that another process writes to, and what was checked must not change.
  /// Errors: `invalid_json` (never).
  Result<JsonTokens> open(std::string_view text);

  [[nodiscard]] std::string_view implementation() const;

  bool is_busy = false;  ///< A document of it is being read.

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace tidings
