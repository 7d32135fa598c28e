#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "check/structure.hpp"

// How a source's structure is found: what stands in namespaces and classes first, then what functions do.
namespace tidings::check {

class Parser {
 public:
  explicit Parser(const Tokens& source) : tokens_(source.tokens) { out_.match = match_brackets(tokens_); }

  Structure parse();

 private:
  struct Work {
    Range range;
    std::string scope;
    std::uint32_t of = none;  ///< the struct
    bool is_local = false;
  };
  struct Body {
    Range range;
    std::uint32_t function = none;
    std::string scope;
  };

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(tokens_.size()); }
  [[nodiscard]] bool is(std::uint32_t at, std::string_view what) const { return at < size() && tokens_[at].is(what); }
  [[nodiscard]] bool is_name(std::uint32_t at) const {
    return at < size() && tokens_[at].is_identifier() && !is_keyword(tokens_[at].text);
  }
  [[nodiscard]] std::uint32_t matched(std::uint32_t at, std::uint32_t end) const {
    return out_.match[at] == none || out_.match[at] < at ? end : std::min(out_.match[at], end);
  }
  [[nodiscard]] std::uint32_t angles(std::uint32_t at, std::uint32_t end) const {
    return behind_angles(tokens_, out_.match, at, end);
  }

  // ---- what both need (structure.cpp)

  /// Behind the next ';' at this level.
  [[nodiscard]] std::uint32_t behind_statement(std::uint32_t at, std::uint32_t end) const;
  [[nodiscard]] std::uint32_t behind_attributes(std::uint32_t at, std::uint32_t end) const;
  /// Behind `requires …`, a parenthesis or concepts joined by && and ||.
  [[nodiscard]] std::uint32_t behind_requires(std::uint32_t at, std::uint32_t end) const;
  void add_parameters(const Function& of);
  std::vector<Parameter> parameters(Range range) const;

  // ---- namespaces and classes (declarations.cpp)

  void declarations(const Work& work);
  std::uint32_t declaration(const Work& work, std::uint32_t at, std::uint32_t end);
  std::uint32_t name_space(const Work& work, std::uint32_t at, std::uint32_t end);
  std::uint32_t space_alias(std::uint32_t at, std::uint32_t end);
  std::uint32_t alias(std::uint32_t at, std::uint32_t end, bool is_template);
  std::uint32_t type_definition(std::uint32_t at, std::uint32_t end);
  std::uint32_t enumeration(const Work& work, std::uint32_t at, std::uint32_t end);
  /// A function may be defined in it.
  std::uint32_t behind_friend(std::uint32_t at, std::uint32_t end) const;
  /// A class that is defined here; `none` where the word only begins a type.
  std::uint32_t record(const Work& work, std::uint32_t at, std::uint32_t end, bool is_template);
  /// A variable, a member, or a function: what else there is.
  std::uint32_t declarator(const Work& work, std::uint32_t at, std::uint32_t end, bool is_template);
  /// From the ':' behind a constructor's parameters, to the '{' of its body.
  [[nodiscard]] std::uint32_t behind_initialisers(std::uint32_t at, std::uint32_t end) const;
  std::uint32_t function(const Work& work, Range head, std::uint32_t name, std::uint32_t paren, std::uint32_t at,
                         std::uint32_t end, bool is_template);
  /// `int a = 1, b{2};` at the level of namespaces and classes.
  std::uint32_t variables(const Work& work, std::uint32_t at, std::uint32_t end);
  void add_variable(const Work& work, Range type, std::uint32_t name, Range value, bool has_value);

  // ---- what functions do (bodies.cpp)

  void body(const Body& of);
  void lambda(std::uint32_t at, const Body& of, std::vector<std::uint32_t>& functions);
  void call(std::uint32_t at, std::uint32_t end);
  /// A variable, where a statement begins with one.
  void local(std::uint32_t at, std::uint32_t block_end);
  /// A variable lives as long as its block; one of `if (…)` or `for (…)` as long as that.
  [[nodiscard]] std::uint32_t end_of_scope(std::uint32_t at, std::uint32_t block_end);

  const std::vector<Token>& tokens_;
  Structure out_;
  std::vector<Work> work_;
  std::vector<Body> bodies_;
  std::size_t next_body_ = 0;
  std::unordered_map<std::uint32_t, std::uint32_t> scope_ends_;  ///< by the `(` of `if (…)`, `for (…)`
};

}  // namespace tidings::check
