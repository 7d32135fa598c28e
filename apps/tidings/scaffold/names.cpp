#include "scaffold/names.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "scaffold/contains.hpp"
#include "tidings/base/text.hpp"

namespace tidings::scaffold {

namespace {

constexpr std::size_t name_bytes_max = 63;

constexpr std::array keywords{
    "alignas",   "alignof",  "and",      "asm",       "auto",      "bitand",   "bitor",    "bool",      "break",
    "case",      "catch",    "char",     "class",     "compl",     "concept",  "const",    "consteval", "constexpr",
    "constinit", "continue", "decltype", "default",   "delete",    "do",       "double",   "else",      "enum",
    "explicit",  "export",   "extern",   "false",     "float",     "for",      "friend",   "goto",      "if",
    "inline",    "int",      "long",     "mutable",   "namespace", "new",      "noexcept", "not",       "nullptr",
    "operator",  "or",       "private",  "protected", "public",    "register", "requires", "return",    "short",
    "signed",    "sizeof",   "static",   "struct",    "switch",    "template", "this",     "throw",     "true",
    "try",       "typedef",  "typeid",   "typename",  "union",     "unsigned", "using",    "virtual",   "void",
    "volatile",  "while",    "xor",      "final",     "override",  "import",   "module"};
/// Targets of CMake's and CTest's own, and of what a project may have.
constexpr std::array targets{"all",  "clean",   "continuous", "depend",  "experimental", "format", "help",
                             "lint", "install", "nightly",    "package", "preinstall",   "test"};
/// Servers beside it in its compose file, that are no library too.
constexpr std::array servers{"kafka", "postgres"};
/// Libraries that the program is linked with: a target of that name would stand in for them.
constexpr std::array libraries{"c",       "crypto", "dl",      "gmock",   "gtest",  "m",
                               "nats",    "pq",     "pthread", "rdkafka", "rt",     "simdjson",
                               "sqlite3", "ssl",    "std",     "tidings", "xxhash", "z"};

}  // namespace

Result<Names> names_of(std::string_view name) {
  const auto shown = "'" + printable(name.substr(0, 2 * name_bytes_max)) + "'";
  const auto refuse = [&](const std::string& why) {
    return Error{"invalid_name", shown + " is no name for a service: " + why};
  };
  if (name.empty()) return refuse("it is empty; write one like 'orders' or 'stock-keeper'");
  if (name.size() > name_bytes_max) return refuse("it has more than 63 characters");
  if (name.front() >= '0' && name.front() <= '9') return refuse("it must begin with a letter");
  bool begins = true;  // a word
  for (const char c : name) {
    const bool is_letter = c >= 'a' && c <= 'z';
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_letter && !is_digit && c != '-')
      return refuse("only a to z, 0 to 9 and '-' may stand in it, as in 'stock-keeper'; the folder is said by --into");
    if (begins && c == '-') return refuse("it has '-' where a word must begin");
    begins = c == '-';
  }
  if (begins) return refuse("it ends with '-'");
  if (contains(keywords, name)) return refuse("it is a word of C++");
  if (contains(targets, name)) return refuse("a target of its build has that name");
  if (contains(servers, name)) return refuse("a server beside it in compose.yaml has that name");
  if (contains(libraries, name)) return refuse("a library that it is linked with has that name");
  Names names{.name = std::string(name), .snake = std::string(name), .pascal = {}, .name_space = {}};
  std::ranges::replace(names.snake, '-', '_');
  begins = true;
  for (const char c : name) {
    if (c != '-') names.pascal += begins ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    begins = c == '-';
  }
  names.name_space = names.snake.ends_with("_service") ? names.snake : names.snake + "_service";
  return names;
}

}  // namespace tidings::scaffold
