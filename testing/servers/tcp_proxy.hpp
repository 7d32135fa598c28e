#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "tidings/base/result.hpp"

namespace tidings::testing {

/// Stands between a client and a server on 127.0.0.1, to lose what the server answers. Thread-safe.
class TcpProxy {
 public:
  /// Error `io_error`.
  static Result<std::unique_ptr<TcpProxy>> start(std::uint16_t server_port);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// From now on what the server sends is lost, while what is sent to it arrives; or it goes through again, on new
  /// connections: those that have lost something are cut.
  void lose_answers(bool lose) { loses_ = lose; }
  /// Cuts every connection there is.
  void cut() { cuts_ = true; }
  /// From now on there is no way through (`true`), or there is again.
  void refuse(bool refuses) {
    refuses_ = refuses;
    if (refuses) cut();
  }

 private:
  TcpProxy(int listener, std::uint16_t port, std::uint16_t server_port)
      : listener_(listener), port_(port), server_port_(server_port), thread_([this] { run(); }) {}
  void run();

  const int listener_;
  const std::uint16_t port_;
  const std::uint16_t server_port_;
  std::atomic<bool> loses_ = false;
  std::atomic<bool> cuts_ = false;
  std::atomic<bool> refuses_ = false;
  std::atomic<bool> ends_ = false;
  std::thread thread_;
};

}  // namespace tidings::testing
