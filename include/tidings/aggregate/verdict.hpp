#pragma once

#include <concepts>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tidings/base/result.hpp"

namespace tidings {

/// Whether something is as a test says, and why not. `EXPECT_TRUE(verdict)` of GoogleTest shows the message; elsewhere
/// `if (!verdict) std::cerr << verdict`.
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

namespace aggregate::detail {

/// An event as it is compared and shown.
struct Told {
  std::string type;
  std::string json;
  std::string key;
};

/// Whether what was raised by what had this result is what was wanted, in that order.
[[nodiscard]] Verdict compare(const Result<>& result, std::string_view id, const std::vector<Told>& wanted,
                              const std::vector<Told>& raised);
/// Whether it was refused with that code, and nothing was raised.
[[nodiscard]] Verdict compare_refusal(const Result<>& result, std::string_view code, const std::vector<Told>& raised);

}  // namespace aggregate::detail

}  // namespace tidings
