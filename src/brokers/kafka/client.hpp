#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "brokers/kafka/native.hpp"
#include "brokers/kafka/url.hpp"
#include "tidings/base/log_sink.hpp"
#include "tidings/base/time.hpp"

namespace tidings::brokers::kafka {

/// What librdkafka says goes to our log through this, without secrets; the last trouble with a connection stays here,
/// to be told where a call waited in vain. Each kind is told once a second at most: a process has many clients.
/// Thread-safe; it outlives the clients that it was given to.
class LogRelay {
 public:
  LogRelay(LogSink& sink, const Url& url) : sink_(sink), secret_(url.password), only_loopback_(url.only_loopback()) {}
  LogRelay(const LogRelay&) = delete;
  LogRelay& operator=(const LogRelay&) = delete;

  void write(int syslog_level, std::string_view facility, std::string_view text);
  void write(LogLevel level, std::string_view line) { sink_.write(level, without_secrets(line)); }
  [[nodiscard]] std::string last_trouble() const;
  /// Where that trouble was, a moment ago, a server that did not let us in, `permission_denied`; one that we do not
  /// trust, or that does not trust us, `tls_failed`; else empty.
  [[nodiscard]] std::string_view refusal() const;
  /// Where the server has not the SASL mechanism of the URL: those that it has, `A,B`. Else empty.
  [[nodiscard]] std::string mechanisms() const;
  [[nodiscard]] std::string without_secrets(std::string_view text) const;
  /// Nobody but this machine may be connected to.
  [[nodiscard]] bool only_loopback() const { return only_loopback_; }

 private:
  LogSink& sink_;
  const std::string secret_;
  const bool only_loopback_;
  struct Told {
    SteadyTime at{};
    std::uint64_t more = 0;
  };
  mutable std::mutex mutex_;
  std::string trouble_;
  SteadyTime trouble_at_{};
  std::map<std::string, Told, std::less<>> told_;  // by what librdkafka calls it, of which there are some fifty
};

struct Property {
  std::string name;
  std::string value;
};

/// What every client begins with: servers, security, log. Error `invalid_url` where librdkafka refuses a property.
[[nodiscard]] Result<Conf> make_conf(const Url& url, const std::vector<Property>& more);

/// What callbacks of librdkafka get. It outlives its client, however that ends.
struct Opaque {
  std::mutex mutex;
  LogRelay* log_relay = nullptr;  ///< under the mutex; null: nobody hears of it any more
  void* owner = nullptr;          ///< who made the client, and polls it
};

/// Ends a client of librdkafka's, without leaving a group, which `Member` does before. With a deadline: 2.0.2 has cases
/// where it never ends, as that of a reader whose topic was made anew with fewer partitions. Such a client is left
/// behind with its threads, and silenced.
struct EndsClient {
  std::shared_ptr<Opaque> opaque;
  void operator()(rd_kafka_t* client) const;
};
using Client = std::unique_ptr<rd_kafka_t, EndsClient>;

/// Makes the client; callbacks get an `Opaque` of that relay, which outlives it, and that owner. Errors `invalid_url`
/// (never), `no_thread` (same call).
[[nodiscard]] Result<Client> make_client(rd_kafka_type_t type, Conf conf, LogRelay& relay, void* owner = nullptr);

/// The owner of the client that a callback is about.
template <class Owner>
Owner& owner_of(void* opaque) {
  return *static_cast<Owner*>(static_cast<Opaque*>(opaque)->owner);
}

}  // namespace tidings::brokers::kafka
