#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "tidings/base/result.hpp"

namespace tidings::testing {

/// Stands between clients and a server on 127.0.0.1, and can lose what the server answers. Thread-safe.
class LossyProxy {
 public:
  /// Listens at once, so that its port can be told to the server. Error `io_error`.
  static Result<std::unique_ptr<LossyProxy>> listen();
  ~LossyProxy();
  LossyProxy(const LossyProxy&) = delete;
  LossyProxy& operator=(const LossyProxy&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Where new connections are passed on to; none are while it is 0.
  void pass_to(std::uint16_t server_port) { server_port_ = server_port; }
  /// From now on answers are lost, and clients are heard all the same. `false`: connections that have lost one are cut,
  /// since what would come on them makes no sense; new ones are whole.
  void lose_answers(bool lose) { lose_ = lose; }

 private:
  LossyProxy(int listener, std::uint16_t port);
  void run(const std::stop_token& stop);

  const int listener_;
  const std::uint16_t port_;
  std::atomic<std::uint16_t> server_port_ = 0;
  std::atomic<bool> lose_ = false;
  std::jthread thread_;
};

}  // namespace tidings::testing
