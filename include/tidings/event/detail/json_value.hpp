#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings {

/// What an error of reading or writing JSON tells: all that helps, or nothing of what stands there, only the place,
/// with `*` for names that are none of a class's members.
enum class JsonTells { all, place };

namespace detail {

/// Stands around what of a path came with the data: a map's key, the name of a member that nobody knows. No text that
/// can be printed has it.
inline constexpr char around_data = '\x1f';

/// What went wrong while a document was read, and where: the path grows as the readers return.
struct JsonFailure {
  std::string code;
  std::string message;
  std::string path;  ///< `.lines[2].quantity`, with `around_data`
};

/// One value of a JSON document that is being read, in order, once. A small window on the parser, which stays behind
/// it. Every reader returns false, and notes why for `read_json` to tell, where the value is of another kind or
/// malformed.
class JsonValue {
 public:
  JsonValue(void* value, JsonFailure& failure, int depth) : value_(value), failure_(&failure), depth_(depth) {}

  using Member = bool (*)(void* context, std::string_view name, JsonValue& value);
  using Element = bool (*)(void* context, JsonValue& value);

  /// Calls `member(context, name, value)` for each member until it returns false. A value that `member` does not take
  /// is skipped for it, and so checked.
  bool object(Member member, void* context);
  bool array(Element element, void* context);
  /// An object whose member `tag` says how the others are to be read: calls `on_tag(context, text, *this)` with its
  /// text, wherever it stands, and then, as `object` does, `member` for each member, the tag too. A tag with escapes is
  /// given as it is written.
  bool tagged(std::string_view tag, Member on_tag, Member member, void* context);
  bool text(std::string& out);
  bool integer(std::int64_t& out);
  bool integer(std::uint64_t& out);
  bool number(double& out);
  bool boolean(bool& out);
  /// Whether the value is null, and then takes it.
  bool null();
  /// Takes the value whole, checking that it is well-formed; a number may be of any size.
  bool skip();
  /// Takes the value whole, checked, as the text that it is in the document.
  bool copy(std::string& out);
  /// The text of a scalar, or the first character of an object or array. Does not take it.
  std::string_view raw();

  bool fail(std::string_view code, std::string message);
  /// Puts `step` before the path of a failure on its way up.
  void add_to_path(const std::string& step) { failure_->path.insert(0, step); }

 private:
  bool members(Member member, void* context);

  void* value_;
  JsonFailure* failure_;
  int depth_;
};

/// The error of a failure: `$` and its path, without its middle where it is long, as that of a value nested too deep
/// is, and what went wrong there.
[[nodiscard]] Error json_error(const JsonFailure& failure, JsonTells tells);

struct ReadOptions {
  int depth = 0;  ///< -1 for an envelope whose own braces do not count, since what it holds was counted without
  JsonTells tells = JsonTells::all;
};
/// Reads the whole of `document` with `read`, and refuses what stands behind it.
/// Errors `invalid_json`, `wrong_type`, `out_of_range`, `duplicate_member`, `too_deep` (never), with the path in the
/// message.
Result<> read_json(std::string_view document, bool (*read)(void* context, JsonValue& value), void* context,
                   ReadOptions options = {});

}  // namespace detail
}  // namespace tidings
