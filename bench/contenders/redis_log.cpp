#include "contenders/redis_log.hpp"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace bench {
namespace {

constexpr std::size_t in_flight = 64;
constexpr const char* at_once = "1000";

struct Free {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, Free>;

Reply ask(redisContext* connection, std::vector<const char*> words) {
  Reply reply(
      static_cast<redisReply*>(redisCommandArgv(connection, static_cast<int>(words.size()), words.data(), nullptr)));
  if (!reply || reply->type == REDIS_REPLY_ERROR) throw std::runtime_error(reply ? reply->str : connection->errstr);
  return reply;
}

/// Entries `[[id, [field, record]], …]`; `last` becomes the id of the last.
template <class On>
void take_entries(const redisReply& entries, std::string& last, const On& on) {
  for (std::size_t i = 0; i < entries.elements; ++i) on(number_of(entries.element[i]->element[1]->element[1]->str));
  if (entries.elements > 0) last = entries.element[entries.elements - 1]->element[0]->str;
}

}  // namespace

void RedisLog::Close::operator()(redisContext* connection) const {
  redisFree(connection);
}

RedisLog::Connection RedisLog::connect(const std::string& folder) {
  // A socket's path has 107 characters at most.
  const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const auto path = "/proc/self/fd/" + std::to_string(directory) + "/socket";
  Connection connection(redisConnectUnix(path.c_str()));
  ::close(directory);
  if (connection && connection->err != 0) connection.reset();
  return connection;
}

RedisLog::RedisLog(const std::string& folder, const Storing& storing) : folder_(folder), storing_(storing) {
  const auto* const fsync = storing.synced == Synced::yes ? "always" : "no";
  server_ = std::make_unique<Server>(
      std::vector<std::string>{"redis-server", "--dir", folder, "--port", "0", "--unixsocket", "socket", "--logfile",
                               "log", "--save", "", "--appendonly", "yes", "--appendfsync", fsync,
                               "--auto-aof-rewrite-percentage", "0", "--daemonize", "no"},
      [&] { return static_cast<bool>(connection_ = connect(folder_)); });
  const Record record(storing.bytes);
  const std::string zeros(storing.bytes, '\0');
  std::array<const char*, 5> words{"XADD", "records", "*", "r", zeros.data()};
  std::array<std::size_t, 5> sizes{4, 7, 1, 1, zeros.size()};
  char* formatted = nullptr;
  const auto size = redisFormatCommandArgv(&formatted, 5, words.data(), sizes.data());
  command_.assign(formatted, static_cast<std::size_t>(size));
  redisFreeCommand(formatted);
  record_at_ = command_.size() - 2 - storing.bytes;  // before the last end of line
}

bool RedisLog::append(std::uint64_t first, std::size_t count) {
  for (auto number = first; number < first + count; ++number) {
    std::memcpy(command_.data() + record_at_, &number, sizeof number);
    if (redisAppendFormattedCommand(connection_.get(), command_.data(), command_.size()) != REDIS_OK) return false;
    ++pending_;
  }
  const bool waits = count > 1 || !storing_.pipelined || pending_ >= in_flight;
  return !waits || flush();
}

bool RedisLog::flush() {
  bool done = true;
  for (; pending_ > 0; --pending_) {
    void* got = nullptr;
    if (redisGetReply(connection_.get(), &got) != REDIS_OK) return false;
    const Reply reply(static_cast<redisReply*>(got));
    done = done && reply->type != REDIS_REPLY_ERROR;
  }
  return done;
}

std::uint64_t RedisLog::count() const {
  return static_cast<std::uint64_t>(ask(connection_.get(), {"XLEN", "records"})->integer);
}

std::uint64_t RedisLog::read() const {
  std::uint64_t sum = 0;
  for (std::string last = "0";;) {
    const auto from = "(" + last;
    const auto reply = ask(connection_.get(), {"XRANGE", "records", from.c_str(), "+", "COUNT", at_once});
    if (reply->elements == 0) return sum;
    take_entries(*reply, last, [&](std::uint64_t number) { sum += number; });
  }
}

void RedisLog::follow(const std::string& address, const Following& following) {
  const auto connection = connect(address);
  if (!connection) throw std::runtime_error("no connection to redis");
  following.ready();
  std::uint64_t left = following.count;
  for (std::string last = "0"; left > 0;) {
    const auto reply =
        ask(connection.get(), {"XREAD", "COUNT", at_once, "BLOCK", "30000", "STREAMS", "records", last.c_str()});
    if (reply->type == REDIS_REPLY_NIL) return;  // nothing came
    take_entries(*reply->element[0]->element[1], last, [&](std::uint64_t number) {
      following.on(number);
      --left;
    });
  }
}

}  // namespace bench
