#pragma once

#include <atomic>
#include <memory>

#include "contenders/record.hpp"
#include "contenders/server.hpp"

struct __natsConnection;
struct __jsCtx;

namespace bench {

/// A JetStream stream with file storage, of a server of its own on loopback. Debian's server syncs by a timer alone:
/// what is acknowledged is in the kernel, and survives the death of the server.
class NatsLog {
 public:
  static constexpr auto name = "nats";

  NatsLog(const std::string& folder, const Storing& storing);
  ~NatsLog();
  NatsLog(const NatsLog&) = delete;
  NatsLog& operator=(const NatsLog&) = delete;
  bool append(std::uint64_t first, std::size_t count);
  bool flush();
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::uint64_t read() const;
  [[nodiscard]] const std::string& address() const { return url_; }
  static void follow(const std::string& address, const Following& following);

 private:
  std::unique_ptr<Server> server_;
  std::string url_;
  Record record_;
  bool pipelined_;
  __natsConnection* connection_ = nullptr;
  __jsCtx* stream_ = nullptr;
  std::atomic<std::uint64_t> failed_ = 0;
};

}  // namespace bench
