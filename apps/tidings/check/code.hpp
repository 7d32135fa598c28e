#pragma once

#include <array>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "check/project.hpp"

// What names mean in a project's code, as far as can be told without a compiler. What is not certain has no answer.
namespace tidings::check {

/// A type's name where it is used. Empty: nobody knows.
struct Type {
  std::string_view name;       ///< `OrderPlaced`
  std::string_view qualifier;  ///< the last one before it, `shop`
  const File* file = nullptr;
  Range range;  ///< as it is written, `const shop::OrderPlaced&`
  bool is_pointer = false, is_reference = false, is_constant = false;

  explicit operator bool() const { return !name.empty(); }
};

template <class T>
struct In {
  const File* file = nullptr;
  const T* it = nullptr;
  explicit operator bool() const { return it != nullptr; }
  const T* operator->() const { return it; }
  const T& operator*() const { return *it; }
};

/// For one thread at a time.
class Code {
 public:
  /// `project` outlives it.
  explicit Code(const Project& project);

  [[nodiscard]] const Project& project() const { return *project_; }

  // ---- tokens
  [[nodiscard]] static bool is(const File& file, std::uint32_t at, std::string_view what);
  [[nodiscard]] static std::string_view text(const File& file, std::uint32_t at);
  [[nodiscard]] static std::vector<Range> arguments(const File& file, const Call& call);
  /// The calls whose names stand in `range`.
  [[nodiscard]] static std::span<const Call> calls(const File& file, Range range);
  /// In any file of the project.
  [[nodiscard]] bool has_word_anywhere(std::string_view word) const;
  [[nodiscard]] static bool has_word(const File& file, Range range, std::string_view word);
  /// As it stands there, one blank between words that need it.
  [[nodiscard]] static std::string spelled(const File& file, Range range);
  /// Where the expression begins that a call is the end of: `service` of `service.broker().publish(…)`.
  [[nodiscard]] static std::uint32_t operand_begin(const File& file, const Call& call);
  /// Whether the call is a statement of its own, whose result nobody has; `is_void`: cast to void.
  [[nodiscard]] static bool is_statement(const File& file, const Call& call, bool* is_void = nullptr);
  /// Whether a comment stands on one of these lines; `// tidings: allow(…)` has a meaning of its own, and is none.
  [[nodiscard]] static bool has_comment(const File& file, std::uint32_t first_line, std::uint32_t last_line);
  /// The innermost function, or lambda, around `at`.
  [[nodiscard]] static const Function* function_at(const File& file, std::uint32_t at, bool lambdas_too);
  /// The innermost function that runs what stands there: not the lambda that `std::visit`, `invoke`, `apply` or
  /// `for_each` calls at once.
  [[nodiscard]] static const Function* runner_at(const File& file, std::uint32_t at);
  /// Whether it is such a call, by its name and qualifier alone.
  [[nodiscard]] static bool calls_at_once(const File& file, std::uint32_t name);
  /// The lambda whose `[` stands there.
  [[nodiscard]] static const Function* lambda_at(const File& file, std::uint32_t at);

  // ---- names
  [[nodiscard]] Type type_of(const File& file, Range type) const;
  /// The last word of what holds it is looked through: `std::unique_ptr<Broker>` is Broker, `Result<T>` T.
  [[nodiscard]] Type held_type_of(const File& file, Range type) const;
  [[nodiscard]] const Variable* variable(const File& file, std::string_view name, std::uint32_t at,
                                         const File** where = nullptr) const;
  /// Variables of namespaces.
  [[nodiscard]] std::vector<In<Variable>> globals_named(std::string_view name) const;
  /// Those whose names stand in `range`, in their order.
  [[nodiscard]] std::span<const Variable* const> variables_in(const File& file, Range range) const;
  [[nodiscard]] Type type_of_variable(const File& file, const Variable& variable, int depth = 0) const;
  [[nodiscard]] Type type_of_expression(const File& file, Range expression, int depth = 0) const;
  /// What a call is made on: `service` in `service.publish(…)`.
  [[nodiscard]] Type receiver(const File& file, const Call& call, int depth = 0) const;
  [[nodiscard]] static bool has_receiver(const File& file, const Call& call);
  /// The word before `::`, as in `Service::create(`.
  [[nodiscard]] static std::string_view qualifier(const File& file, const Call& call);
  /// The namespace that a qualifier means: `tidings` of `td`, where all that call one so mean the same.
  [[nodiscard]] std::string_view space_named(std::string_view qualifier) const;
  /// Whether it is Tidings' own type of that name.
  [[nodiscard]] bool is_of_tidings(const Type& type, std::string_view name) const;
  [[nodiscard]] In<Struct> struct_of(const Type& type) const;
  [[nodiscard]] In<Struct> struct_named(std::string_view name) const;
  [[nodiscard]] std::vector<In<Struct>> structs_named(std::string_view name) const;
  [[nodiscard]] std::vector<In<Alias>> aliases_named(std::string_view name) const;
  /// Also by its last words, `shop::Colour`; none where that is not certain.
  [[nodiscard]] In<Enum> enum_named(std::string_view name) const;
  /// The function that a call means, with its body; none where that is not certain. Of overloads it is the only one
  /// that can take so many arguments, and of their types as far as these are known.
  [[nodiscard]] In<Function> function_of(const File& file, const Call& call, int depth = 0) const;
  /// `operator()` of a class that has one alone.
  [[nodiscard]] In<Function> call_operator(const In<Struct>& of) const;
  [[nodiscard]] In<Function> function_named(std::string_view of, std::string_view name) const;
  /// What a function of the project returns, where all of that name agree: `Result` or `expected` at the outside.
  [[nodiscard]] bool returns_result(const File& file, const Call& call) const;

 private:
  [[nodiscard]] Type type_of_call(const File& file, const Call& call, int depth) const;
  [[nodiscard]] Type returned(std::string_view name, bool outermost) const;
  /// Of the class `of`, or of none; `space`: of a namespace that ends so.
  [[nodiscard]] In<Function> overload(std::string_view of, const File& file, const Call& call, int depth,
                                      std::string_view space = {}) const;
  [[nodiscard]] bool have_same_parameters(const In<Function>& one, const In<Function>& other) const;
  [[nodiscard]] bool may_take(const In<Function>& function, std::size_t at, const File& file, Range argument,
                              int depth) const;

  struct Named {
    std::vector<const Variable*> all;
    Nesting seen;  ///< of each, by its number in `all`
  };
  struct Variables {
    std::unordered_map<std::string_view, Named> named;
    std::vector<const Variable*> all;  ///< in the order of their names
  };

  const Project* project_;
  std::unordered_map<std::string_view, std::vector<In<Struct>>> structs_;
  std::unordered_map<std::string_view, std::vector<In<Function>>> functions_;
  std::map<std::pair<std::string_view, std::string_view>, std::vector<In<Function>>> members_;  ///< by class and name
  std::unordered_map<std::string_view, std::vector<In<Variable>>> globals_;
  std::unordered_map<std::string_view, std::vector<In<Alias>>> aliases_;
  std::unordered_map<std::string_view, std::vector<In<Enum>>> enums_;
  std::unordered_map<std::string_view, std::vector<std::string_view>> space_aliases_;
  std::unordered_map<const File*, Variables> variables_;
  mutable std::unordered_set<std::string_view> words_;  ///< all that there are, once somebody has asked
  mutable std::array<std::unordered_map<std::string_view, Type>, 2> returned_;  ///< what was asked already
};

}  // namespace tidings::check
