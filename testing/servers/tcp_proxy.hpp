#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "tidings/base/result.hpp"

namespace tidings::testing {

/// Stands between clients and a server on 127.0.0.1: it can lose what the server answers, cut connections, and let
/// nobody through. Thread-safe.
class TcpProxy {
 public:
  /// Listens at once, so that its port can be told to the server. Error `io_error`.
  static Result<std::unique_ptr<TcpProxy>> listen();
  /// The same, of a server that is there. Error `io_error`.
  static Result<std::unique_ptr<TcpProxy>> start(std::uint16_t server_port);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Where new connections are passed on to; none are while it is 0.
  void pass_to(std::uint16_t server_port) { server_port_ = server_port; }
  /// From now on answers are lost, and clients are heard all the same. `false`: connections that have lost one are cut,
  /// since what would come on them makes no sense; new ones are whole.
  void lose_answers(bool lose) { loses_ = lose; }
  /// Cuts every connection there is.
  void cut() { cuts_ = true; }
  /// From now on there is no way through (`true`), or there is again.
  void refuse(bool refuses) {
    refuses_ = refuses;
    if (refuses) cut();
  }

 private:
  TcpProxy(int listener, std::uint16_t port);
  void run(const std::stop_token& stop);

  const int listener_;
  const std::uint16_t port_;
  std::atomic<std::uint16_t> server_port_ = 0;
  std::atomic<bool> loses_ = false;
  std::atomic<bool> cuts_ = false;
  std::atomic<bool> refuses_ = false;
  std::jthread thread_;
};

}  // namespace tidings::testing
