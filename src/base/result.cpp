#include "tidings/base/result.hpp"

namespace tidings {

std::string to_string(const Error& error) {
  return error.code + ": " + error.message;
}

ErrorException::ErrorException(Error error) : error_(std::move(error)), text_(to_string(error_)) {}

}  // namespace tidings
