#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "check/nesting.hpp"
#include "check/source.hpp"

// What a source is made of, as far as tokens tell: brackets, namespaces, structs, functions, lambdas, variables, calls.
// Nothing is expanded, instantiated or looked up; what is not understood is left out.
namespace tidings::check {

struct Member {
  std::string_view name;
  std::uint32_t at = 0;
  Range type;
  Range value;  ///< its initialiser, empty where there is none
  bool has_value = false;
  bool is_static = false;
};

struct Struct {
  std::string_view name;
  std::string scope;  ///< `shop::v1`, of namespaces and classes around it
  std::uint32_t at = 0;
  Range body;  ///< between the braces
  Range bases;
  std::vector<Member> members;
  std::vector<std::string_view> functions;
  bool is_template = false;
  bool is_local = false;  ///< in a function
};

struct Parameter {
  std::string_view name;
  Range type;
  bool has_value = false;  ///< it may be left out
};

struct Function {
  std::string_view name;  ///< empty: a lambda
  std::string scope;      ///< namespaces and class
  std::string_view of;    ///< the class, also of one that is defined outside of it
  std::uint32_t at = 0;   ///< its name; of a lambda its `[`
  Range returns;
  std::vector<Parameter> parameters;
  Range captures;  ///< of a lambda
  Range body;      ///< between the braces; empty: only declared
  bool has_body = false;
  bool is_lambda = false;
  bool is_template = false;
  std::uint32_t within = none;  ///< of a lambda: the function around it
};

enum class Place : std::uint8_t { space, member, parameter, local };

struct Variable {
  std::string_view name;
  std::uint32_t at = 0;
  Range type;
  Range value;
  Range seen;  ///< where the name means it; for `space` everywhere behind
  Place place = Place::local;
  bool is_static = false, is_constant = false, is_thread_local = false, is_extern = false;
  bool is_constexpr = false;
  bool is_bound = false;  ///< one of `auto [a, b]`, whose type nobody knows
};

struct Call {
  std::uint32_t name = 0;
  Range templates;  ///< of `on<A, B>(`
  std::uint32_t open = 0, close = 0;
};

struct Alias {
  std::string_view name;
  Range type;
  bool is_template = false;
};

struct Enum {
  std::string_view name;
  std::string scope;
  Range body;  ///< between the braces
  std::vector<std::string_view> enumerators;
  bool is_known = true;  ///< no macro stands among them
};

/// `namespace td = tidings;`
struct SpaceAlias {
  std::string_view name;
  std::string space;  ///< in full as it is written
};

struct Structure {
  std::vector<std::uint32_t> match;  ///< `match_brackets` of the source
  std::vector<Struct> structs;
  std::vector<Function> functions;
  std::vector<Variable> variables;
  std::vector<Call> calls;             ///< in the order of their names
  Nesting bodies;                      ///< of functions, by their numbers
  std::vector<std::uint32_t> lambdas;  ///< which functions these are, in the order of their `[`
  std::vector<Alias> aliases;
  std::vector<SpaceAlias> space_aliases;
  std::vector<Enum> enums;                   ///< with enumerators
  std::vector<std::string> spaces;           ///< namespaces and classes that are opened, in full; in order, each once
  std::vector<std::string> used;             ///< of `using namespace a::b`
  std::vector<std::string_view> used_names;  ///< of `using a::b::Name`
};

[[nodiscard]] Structure find_structure(const Tokens& source);

/// The other bracket of each token; `none` of other tokens, and of those without one.
[[nodiscard]] std::vector<std::uint32_t> match_brackets(const std::vector<Token>& tokens);
/// Behind the `>` of the `<` at `at`; `none` where these are no template arguments.
[[nodiscard]] std::uint32_t behind_angles(const std::vector<Token>& tokens, const std::vector<std::uint32_t>& match,
                                          std::uint32_t at, std::uint32_t end);
/// What stands between the commas of `range`, brackets and template arguments left whole.
[[nodiscard]] std::vector<Range> split(const std::vector<Token>& tokens, const std::vector<std::uint32_t>& match,
                                       Range range);
[[nodiscard]] bool is_keyword(std::string_view word);
/// `int`, `unsigned`, `auto`, …: types that are keywords.
[[nodiscard]] bool is_type_word(std::string_view word);

}  // namespace tidings::check
