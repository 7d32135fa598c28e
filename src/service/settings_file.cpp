// The one place that includes toml++.
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <toml++/toml.h>
#pragma GCC diagnostic pop

#include "service/settings.hpp"

namespace tidings::service {

namespace {

constexpr std::int64_t version_known = 1;

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
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{"invalid_setting", path + " cannot be read: " + std::strerror(errno)};
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad()) return Error{"invalid_setting", path + " cannot be read: " + std::strerror(errno)};
  const auto parsed = toml::parse(text.view(), path);
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
