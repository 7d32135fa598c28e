#pragma once

#include <cassert>
#include <compare>
#include <ostream>
#include <type_traits>
#include <utility>

#include "tidings/base/result.hpp"

namespace tidings {

/// A value that is right wherever it is: it is made through its check, and read through it.
///
///     class Email : public tidings::Value<Email, std::string> {
///      public:
///       using Value::Value;
///       static tidings::Result<> check(const std::string& text) {
///         if (text.contains('@')) return {};
///         return tidings::Error{"invalid_email", "an address has an @"};
///       }
///     };
///     auto email = Email::make("a@b");   // Result<Email>
///
/// In JSON, and as a key, it is what it holds; what is read and does not pass the check is the check's error, with the
/// path. It has no default value: a member has an initialiser, `Email email = Email::of("nobody@example.org")`, or is
/// an optional. Of several members: a class with `to_event_data` and `from_event_data` (docs/events.md).
template <class Self, class Rep>
class Value {
  /// Only the check hands it out.
  class Checked {
    friend Value;
    explicit Checked() = default;
  };

 public:
  Value(Checked, Rep value) : value_(std::move(value)) {}

  /// Errors: what `Self::check` says.
  [[nodiscard]] static Result<Self> make(Rep value) {
    constexpr bool checks = requires(const Rep& given) {
      { Self::check(given) } -> std::same_as<Result<>>;
    };
    static_assert(
        checks, "tidings: a Value has a public static tidings::Result<> check(const Rep&), and 'using Value::Value;'");
    if constexpr (checks)
      if (auto fine = Self::check(value); !fine) return std::move(fine).error();
    return Self(Checked(), std::move(value));
  }
  /// Of a value that the program knows to be right, such as a constant; another is a bug.
  [[nodiscard]] static Self of(Rep value) {
    auto made = make(std::move(value));
    assert(made && "a value that does not pass its own check");
    return std::move(*made);
  }

  [[nodiscard]] const Rep& value() const { return value_; }

  [[nodiscard]] const Rep& to_event_data() const { return value_; }
  [[nodiscard]] static Result<Self> from_event_data(Rep value) { return make(std::move(value)); }

  friend auto operator<=>(const Value&, const Value&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Value& value) { return out << value.value_; }

 private:
  Rep value_;
};

}  // namespace tidings
