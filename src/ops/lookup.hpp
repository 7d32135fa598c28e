#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tidings/base/result.hpp"
#include "tidings/base/time.hpp"

namespace tidings::ops {

/// Where a server listens.
struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

/// The addresses of a host by its name, asked in a way that obeys a deadline, which getaddrinfo() does not. For one
/// thread at a time.
class Lookup {
 public:
  using Ask = std::function<Result<std::vector<Address>>(const std::string& host, const std::string& port)>;

  /// `ask` is called on threads of its own, one at a time, and may be called after this has ended: it owns what it
  /// uses.
  Lookup(std::string host, std::string port, Ask ask = ask_system());

  /// Until `until` is over, or `cancel`, a descriptor, can be read. A question that takes longer goes on, and its
  /// answer is the next call's; so however often it is asked, there is one thread. Errors: `unreachable` (same call).
  [[nodiscard]] Result<std::vector<Address>> find(SteadyTime until, int cancel = -1);

  /// getaddrinfo().
  [[nodiscard]] static Ask ask_system();

 private:
  struct Question;
  std::string host_;
  std::string port_;
  Ask ask_;
  std::shared_ptr<Question> question_;  ///< that was not answered in time
};

}  // namespace tidings::ops
