#pragma once

#include <memory>

#include "contenders/record.hpp"
#include "contenders/server.hpp"

struct redisContext;

namespace bench {

/// A stream of a server of its own, by a Unix socket, with the append-only file; `appendfsync always` where synced,
/// else `no`: then a command is in the kernel when it is answered, and survives the death of the server.
class RedisLog {
 public:
  static constexpr auto name = "redis";

  RedisLog(const std::string& folder, const Storing& storing);
  bool append(std::uint64_t first, std::size_t count);
  bool flush();
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::uint64_t read() const;
  [[nodiscard]] const std::string& address() const { return folder_; }
  static void follow(const std::string& address, const Following& following);

 private:
  struct Close {
    void operator()(redisContext* connection) const;
  };
  using Connection = std::unique_ptr<redisContext, Close>;
  static Connection connect(const std::string& folder);

  std::string folder_;
  Storing storing_;
  std::unique_ptr<Server> server_;
  Connection connection_;
  std::string command_;      // an XADD, as it is sent
  std::size_t record_at_;    // in it
  std::size_t pending_ = 0;  // sent or to be sent, not answered
};

}  // namespace bench
