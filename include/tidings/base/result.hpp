#pragma once

#include <exception>
#include <expected>
#include <string>
#include <type_traits>
#include <utility>

namespace tidings {

/// Whether trying again can help.
enum class Retry {
  never,      ///< The same call fails the same way: the input is wrong, or the thing does not exist.
  same_call,  ///< The same call may succeed later: something was busy, full or away.
  reopen,     ///< This handle is of no more use; open it again.
};

/// Why a call failed. `code` is a stable word for programs (`disk_full`), `message` a sentence for people that says
/// what to do.
struct Error {
  std::string code;
  std::string message;
  Retry retry = Retry::never;

  friend bool operator==(const Error&, const Error&) = default;
};

/// "code: message", as logs and tools print it.
[[nodiscard]] std::string to_string(const Error& error);

/// What `Result::or_throw()` throws.
class ErrorException : public std::exception {
 public:
  explicit ErrorException(Error error);
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }
  [[nodiscard]] const Error& error() const noexcept { return error_; }

 private:
  Error error_;
  std::string text_;
};

/// A value or an `Error`. A class, so that a discarded one warns. Use it as `std::expected`: `if (!r) return
/// r.error();`.
template <class T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
  using Base = std::expected<T, Error>;

 public:
  using Base::Base;
  Result() = default;
  Result(Error error) : Base(std::unexpect, std::move(error)) {}  // NOLINT: an error is a result

  /// The value; throws `ErrorException` if there is none. For programs that use exceptions, and for tests.
  T or_throw() && {
    if (!this->has_value()) throw ErrorException(std::move(this->error()));
    if constexpr (!std::is_void_v<T>) return std::move(**this);
  }
};

}  // namespace tidings
