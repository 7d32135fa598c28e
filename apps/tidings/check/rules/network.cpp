#include "check/rules/network.hpp"

#include <array>
#include <span>

#include "check/rules/words.hpp"

namespace tidings::check {

namespace {

using Words = std::span<const std::string_view>;

constexpr std::array<std::string_view, 2> httplib_limits{"set_read_timeout", "set_max_timeout"};
constexpr std::array<std::string_view, 3> curl_limits{"CURLOPT_TIMEOUT", "CURLOPT_TIMEOUT_MS",
                                                      "CURLOPT_LOW_SPEED_TIME"};
constexpr std::array<std::string_view, 5> curl_posts{"CURLOPT_POST", "CURLOPT_POSTFIELDS", "CURLOPT_COPYPOSTFIELDS",
                                                     "CURLOPT_MIMEPOST", "CURLOPT_HTTPPOST"};
constexpr std::array<std::string_view, 9> makers{"Client",    "SSLClient",      "make_unique", "make_shared",
                                                 "move",      "curl_easy_init", "unique_ptr",  "curl_easy_duphandle",
                                                 "shared_ptr"};

bool is_in(Words words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool has_any(const File& file, Range range, Words words) {
  for (auto at = range.begin; at < range.end && at < file.tokens().size(); ++at)
    if (file.tokens()[at].is_identifier() && is_in(words, file.tokens()[at].text)) return true;
  return false;
}

bool is_anywhere(const Code& code, Words words) {
  return std::ranges::any_of(words, [&](const auto& word) { return code.has_word_anywhere(word); });
}

/// A client, or a handle of libcurl, by its name, and whether its calls end.
class Handle {
 public:
  Handle(const Code& code, Words limits) : code_(code), limits_(limits) {}

  /// Of one that is made here, or a member: where its time-out is set, it is set by this name. Of others nobody knows
  /// by which, and one anywhere counts.
  bool is_bounded(const File& file, std::uint32_t name) const {
    const auto& project = code_.project();
    if (name == none) return is_anywhere(code_, limits_);
    const File* where = nullptr;
    const auto word = Code::text(file, name);
    const auto* const held = code_.variable(file, word, name, &where);
    const bool is_own = held != nullptr && (held->place == Place::local || held->place == Place::member) &&
                        !held->is_bound && !Code::has_word(*where, held->type, "function");
    if (!is_own || is_borrowed(*where, *held) || is_made_elsewhere(*where, held->value))
      return is_anywhere(code_, limits_);
    if (held->place == Place::local) return look(*where, held->seen, word, held->at);
    for (const auto& one : project.files)
      if (look(*one, {0, static_cast<std::uint32_t>(one->tokens().size())}, word, none)) return true;
    return false;
  }

 private:
  /// A pointer of libcurl's own is the handle.
  static bool is_borrowed(const File& file, const Variable& one) {
    for (auto at = one.type.begin; at < one.type.end; ++at)
      if (Code::is(file, at, "&") || (Code::is(file, at, "*") && !Code::has_word(file, one.type, "CURL"))) return true;
    return false;
  }
  static bool is_made_elsewhere(const File& file, Range value) {
    for (const auto& call : Code::calls(file, value))
      if (!is_in(makers, Code::text(file, call.name))) return true;
    return false;
  }
  /// Whether a limit is set by that name there, or what has the name goes where nobody follows it.
  bool look(const File& file, Range range, std::string_view word, std::uint32_t declared) const {
    for (auto at = range.begin; at < range.end && at < file.tokens().size(); ++at) {
      if (!file.tokens()[at].is_identifier() || file.tokens()[at].text != word || at == declared) continue;
      if (sets_limit(file, at)) return true;
      if (at > 0 && goes_away(file, at) && is_anywhere(code_, limits_)) return true;
    }
    return false;
  }
  bool sets_limit(const File& file, std::uint32_t at) const {
    if (Code::is(file, at + 1, ".") || Code::is(file, at + 1, "->"))
      if (is_in(limits_, Code::text(file, at + 2))) return true;
    // curl_easy_setopt(handle, CURLOPT_TIMEOUT, …), or handle.get()
    auto comma = at + 1;
    while (comma < at + 5 && !Code::is(file, comma, ",")) ++comma;
    return Code::is(file, comma, ",") && is_in(limits_, Code::text(file, comma + 1));
  }
  bool goes_away(const File& file, std::uint32_t at) const {
    const auto before = Code::text(file, at - 1);
    const auto behind = Code::text(file, at + 1);
    // What it is made of, or set to.
    if (behind == "(" || behind == "{") {
      const auto close = file.structure.match[at + 1];
      return close != none && is_made_elsewhere(file, {at + 2, close});
    }
    if (behind == "=") {
      auto end = at + 2;
      while (end < file.tokens().size() && !Code::is(file, end, ";")) ++end;
      return is_made_elsewhere(file, {at + 2, end});
    }
    if (!is_one_of(before, {"(", ",", "&", "*", "=", "return", "{"}) || !is_one_of(behind, {")", ",", ";", "}", "]"}))
      return false;
    return !(before == "(" && at >= 2 && Code::text(file, at - 2).starts_with("curl_"));
  }

  const Code& code_;
  Words limits_;
};

bool is_of_httplib(const File& file, const Type& type) {
  if (!is_one_of(type.name, {"Client", "SSLClient"})) return false;
  if (type.qualifier == "httplib") return true;
  if (!type.qualifier.empty() || type.file == nullptr) return false;
  const auto& structure = type.file->structure;
  return std::ranges::find(structure.used, "httplib") != structure.used.end() ||
         (Code::has_word(file, {0, static_cast<std::uint32_t>(file.tokens().size())}, "httplib") &&
          std::ranges::find(structure.used_names, type.name) != structure.used_names.end());
}

/// `httplib::Client("…")`, which nobody can have set anything of.
bool is_made_here(const File& file, Range operand) {
  return Code::is(file, operand.begin, "httplib") && Code::is(file, operand.begin + 1, "::") &&
         is_one_of(Code::text(file, operand.begin + 2), {"Client", "SSLClient"}) &&
         Code::is(file, operand.end - 1, ")") && file.structure.match[operand.end - 1] == operand.begin + 3;
}

/// The name of what a call is made on, or with; `none` where it is no name.
std::uint32_t name_in(const File& file, Range range) {
  if (range.empty()) return none;
  const auto last = range.end - 1;
  if (file.tokens()[last].is_identifier()) return last;
  // handle.get()
  const bool is_get = range.end - range.begin >= 5 && Code::is(file, last, ")") && Code::is(file, last - 1, "(") &&
                      Code::is(file, last - 2, "get") && file.tokens()[last - 4].is_identifier();
  return is_get ? last - 4 : none;
}

}  // namespace

std::optional<HttpCall> http_call(const Code& code, const File& file, const Call& call, Range within) {
  const auto name = Code::text(file, call.name);
  const auto of = Code::qualifier(file, call);
  if (Code::has_receiver(file, call)) {
    if (!is_one_of(name, {"Get", "Post", "Put", "Patch", "Delete", "Head", "Options", "send"})) return std::nullopt;
    const Range operand{Code::operand_begin(file, call), call.name - 1};
    const bool is_made = is_made_here(file, operand);
    const auto type = is_made ? Type{} : code.receiver(file, call);
    if (!is_made && (!type || code.struct_of(type) || !is_of_httplib(file, type))) return std::nullopt;
    return HttpCall{.is_bounded = !is_made && Handle(code, httplib_limits).is_bounded(file, name_in(file, operand)),
                    .adds = name == "Post" || name == "Patch"};
  }
  if (of == "cpr" && is_one_of(name, {"Get", "Post", "Put", "Patch", "Delete", "Head", "Options"}))
    return HttpCall{.is_bounded = Code::has_word(file, {call.open, call.close}, "Timeout"),
                    .adds = name == "Post" || name == "Patch"};
  if ((of.empty() || of == "std") && name == "curl_easy_perform" && !code.function_of(file, call)) {
    const auto args = Code::arguments(file, call);
    const auto handle = args.size() == 1 ? name_in(file, args[0]) : none;
    bool adds = has_any(file, within, curl_posts);
    // A word that says which it is has the last say.
    for (auto at = within.begin; at < within.end; ++at) {
      if (!Code::is(file, at, "CURLOPT_CUSTOMREQUEST")) continue;
      const auto word = literal_text(file.tokens()[std::min<std::size_t>(at + 2, file.tokens().size() - 1)]);
      adds = word == "POST" || word == "PATCH";
    }
    return HttpCall{.is_bounded = Handle(code, curl_limits).is_bounded(file, handle), .adds = adds};
  }
  return std::nullopt;
}

}  // namespace tidings::check
