#pragma once

#include <concepts>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace tidings {

/// Whether something is as a test says, and why not: what the test kits of aggregates and sagas answer.
/// `EXPECT_TRUE(verdict)` of GoogleTest shows the message; elsewhere `if (!verdict) std::cerr << verdict`.
class [[nodiscard]] Verdict {
 public:
  Verdict() = default;
  explicit Verdict(std::string why_not) : is_right_(false), message_(std::move(why_not)) {}

  explicit operator bool() const { return is_right_; }
  /// Empty where it is right.
  [[nodiscard]] const std::string& message() const { return message_; }

  /// To `testing::AssertionResult`, whose header is not needed for it.
  template <class Assertion>
    requires requires(Assertion made, const std::string& text) {
      { made.failure_message() } -> std::convertible_to<const char*>;
      made << text;
    }
  operator Assertion() const {  // NOLINT: so that EXPECT_TRUE takes it
    Assertion made(is_right_);
    if (!is_right_) made << message_;
    return made;
  }

  friend std::ostream& operator<<(std::ostream& out, const Verdict& verdict) {
    return out << (verdict.is_right_ ? std::string_view("as expected") : std::string_view(verdict.message_));
  }

 private:
  bool is_right_ = true;
  std::string message_;
};

}  // namespace tidings
