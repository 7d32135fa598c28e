// The one place that includes toml++.
#include <algorithm>
#include <string_view>

// Its assertions stand where a typo in a file may lead, and the error follows behind them: neither may they abort, nor
// (as under NDEBUG) may the compiler assume that they hold.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expr) static_assert(true)
#define TOML_MAX_NESTED_VALUES 16
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <toml++/toml.h>
#pragma GCC diagnostic pop
#pragma pop_macro("NDEBUG")

#include "service/settings.hpp"
#include "tidings/base/text.hpp"

namespace tidings::service {

namespace {

constexpr std::int64_t version_known = 1;
constexpr std::size_t key_parts_max = 16;  // each is a table within a table, and toml++ goes down into them by calls

/// The line of a key with more parts than that; 0: there is none.
std::size_t line_of_deep_key(std::string_view text) {
  std::size_t line = 1, dots = 0;
  std::string_view quote;  // that is open
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n') {
      ++line;
      if (quote.size() < 3) quote = {}, dots = 0;
    } else if (!quote.empty()) {
      if (c == '\\' && quote.front() == '"' && at + 1 < text.size() && text[at + 1] != '\n')
        ++at;
      else if (text.substr(at).starts_with(quote))
        at += quote.size() - 1, quote = {};
    } else if (c == '"' || c == '\'') {
      const std::string_view three = c == '"' ? R"(""")" : R"(''')";
      quote = text.substr(at).starts_with(three) ? three : three.substr(2);
      at += quote.size() - 1;
    } else if (c == '#') {
      at = std::min(text.find('\n', at), text.size()) - 1;
    } else if (c == '.') {
      if (++dots >= key_parts_max) return line;
    } else if (c == '=' || c == ',' || c == '{' || c == '[') {
      dots = 0;
    }
  }
  return 0;
}

std::string at(const std::string& path, const toml::source_region& region) {
  return path + ":" + std::to_string(region.begin.line);
}

Result<> flatten(const std::string& file, const std::string& prefix, const toml::table& table,
                 std::vector<Given>& out) {
  for (const auto& [name, node] : table) {
    const auto path = prefix + std::string(name.str());
    if (prefix.empty() && name.str() == "version") continue;
    if (const auto* inner = node.as_table()) {
      if (auto done = flatten(file, path + ".", *inner, out); !done) return done;
      continue;
    }
    Given given{
        .path = path, .text = {}, .where = at(file, node.source()), .type = Given::Type::other, .from_text = false};
    if (const auto* text = node.as_string()) {
      given.text = text->get();
      given.type = Given::Type::text;
    } else if (const auto* number = node.as_integer()) {
      given.text = std::to_string(number->get());
      given.type = Given::Type::whole;
    } else if (const auto* truth = node.as_boolean()) {
      given.text = truth->get() ? "true" : "false";
      given.type = Given::Type::boolean;
    }
    out.push_back(std::move(given));
  }
  return {};
}

}  // namespace

Result<std::vector<Given>> read_toml(const std::string& path) {
  auto read = read_settings_text(path);
  if (!read) return read.error();
  const auto& text = *read;
  if (const auto line = line_of_deep_key(text); line != 0)
    return Error{"invalid_setting",
                 path + ":" + std::to_string(line) + " has a key of more than 16 parts; no setting has so many"};
  std::string_view rest(text);
  for (std::size_t line = 1; !rest.empty(); ++line) {  // toml++ names a line before it
    const auto size = std::min(rest.find('\n'), rest.size() - 1) + 1;
    if (!is_utf8(rest.substr(0, size)))
      return Error{"invalid_setting", path + ":" + std::to_string(line) + " is no UTF-8"};
    rest.remove_prefix(size);
  }
  const auto parsed = toml::parse(std::string_view(text), path);
  if (!parsed)
    return Error{"invalid_setting",
                 at(path, parsed.error().source()) + " is no TOML: " + std::string(parsed.error().description())};
  const auto* version = parsed.table().get("version");
  if (version == nullptr)
    return Error{"invalid_setting", path + " does not say its version; write 'version = 1' in its first line"};
  if (!version->is_integer() || version->as_integer()->get() != version_known)
    return Error{"invalid_setting", at(path, version->source()) + ": this program reads settings of version 1 only"};
  std::vector<Given> given;
  if (auto done = flatten(path, "", parsed.table(), given); !done) return done.error();
  return given;
}

}  // namespace tidings::service
