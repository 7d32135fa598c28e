#include "brokers/kafka/client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <system_error>
#include <thread>

#include "tidings/base/text.hpp"

namespace tidings::brokers::kafka {

namespace {

using namespace std::chrono_literals;

constexpr Duration tell_again_after = 1s;
constexpr Duration trouble_lasts = 60s;
constexpr Duration refusal_lasts = 10s;
constexpr Duration ended_within = 5s;
constexpr std::string_view unknown_mechanism = "Unsupported SASL mechanism";

void relay_log(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  auto* opaque = client != nullptr ? static_cast<Opaque*>(rd_kafka_opaque(client)) : nullptr;
  if (opaque == nullptr) return;
  const std::scoped_lock lock(opaque->mutex);
  if (opaque->log_relay != nullptr) opaque->log_relay->write(level, facility, text);
}

bool is_loopback(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in four{};
    std::memcpy(&four, address, sizeof four);
    return (ntohl(four.sin_addr.s_addr) >> 24) == 127;
  }
  if (address->sa_family != AF_INET6) return false;
  sockaddr_in6 six{};
  std::memcpy(&six, address, sizeof six);
  return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr) != 0;
}

/// The servers say themselves where else there are some: that is no way out of this machine for a readable password.
int connect_here_only(int socket, const sockaddr* address, int size, const char*, void* opaque) {
  auto& of = *static_cast<Opaque*>(opaque);
  if (!is_loopback(address)) {
    const std::scoped_lock lock(of.mutex);
    if (of.log_relay != nullptr)
      of.log_relay->write(LogLevel::error,
                          "kafka: insecure_credentials: a server is not on this machine, and PLAIN would send the "
                          "password readable; use "
                          "?tls=true, a SCRAM mechanism, or say ?allow_plaintext=true");
    return EACCES;
  }
  // librdkafka sees how it ends.
  return ::connect(socket, address, static_cast<socklen_t>(size)) == 0 || errno == EINPROGRESS ? 0 : errno;
}

}  // namespace

void LogRelay::write(int syslog_level, std::string_view facility, std::string_view text) {
  constexpr int error = 3;
  constexpr int warning = 4;
  const SteadyTime now = std::chrono::steady_clock::now();
  std::string more;
  {
    const std::scoped_lock lock(mutex_);
    const bool says_why = text.find("brokers are down") == text.npos;
    if (syslog_level <= error && (says_why || now - trouble_at_ >= trouble_lasts)) {
      trouble_ = without_secrets(text);
      trouble_at_ = now;
    }
    // Whoever asks is answered so, once and in our words, and that all servers are down then is no news.
    if (text.find(unknown_mechanism) != text.npos || (!says_why && trouble_.find(unknown_mechanism) != trouble_.npos))
      syslog_level = warning + 1;
    auto& told = told_[std::string(facility)];
    if (syslog_level <= warning && now - told.at < tell_again_after) {
      ++told.more;
      return;
    }
    if (syslog_level <= warning) {
      if (told.more > 0) more = " (and " + std::to_string(told.more) + " more such lines before)";
      told = {now, 0};
    }
  }
  // Lost connections are everyday, and librdkafka connects again for ever: a warning. What it tells beside that is for
  // those who look.
  write(syslog_level <= warning ? LogLevel::warning : LogLevel::debug,
        "kafka: " + std::string(facility) + ": " + std::string(text) + more);
}

std::string LogRelay::last_trouble() const {
  const std::scoped_lock lock(mutex_);
  return std::chrono::steady_clock::now() - trouble_at_ < trouble_lasts ? trouble_ : "";
}

std::string_view LogRelay::refusal() const {
  const std::scoped_lock lock(mutex_);
  if (std::chrono::steady_clock::now() - trouble_at_ >= refusal_lasts) return {};
  const auto says = [&](std::string_view what) { return trouble_.find(what) != trouble_.npos; };
  if (says("SSL handshake failed")) return "tls_failed";
  return says("uthentication failed") || says("SASL authentication error") || says(unknown_mechanism)
             ? "permission_denied"
             : "";
}

std::string LogRelay::mechanisms() const {
  const std::scoped_lock lock(mutex_);
  constexpr std::string_view before = "supported mechanisms: ";
  const auto at = trouble_.find(unknown_mechanism) == trouble_.npos ? trouble_.npos : trouble_.find(before);
  if (at == trouble_.npos) return {};
  const auto begin = at + before.size();
  return trouble_.substr(begin, trouble_.find_first_of(" )", begin) - begin);
}

std::string LogRelay::without_secrets(std::string_view text) const {
  std::string out(text);
  if (!secret_.empty())
    for (auto at = out.find(secret_); at != out.npos; at = out.find(secret_, at + 3))
      out.replace(at, secret_.size(), "***");
  return printable(out);
}

Result<Conf> make_conf(const Url& url, const std::vector<Property>& more) {
  std::vector<Property> properties{
      {"bootstrap.servers", url.servers},
      {"client.id", "tidings"},
      {"security.protocol",
       url.sasl.empty() ? (url.tls ? "ssl" : "plaintext") : (url.tls ? "sasl_ssl" : "sasl_plaintext")},
      {"socket.timeout.ms", "10000"},  // a server that answers nothing for that long is connected to anew
      {"socket.keepalive.enable", "true"},
      {"socket.nagle.disable", "true"},
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "5000"},
      {"log.connection.close", "false"},
      {"allow.auto.create.topics", "false"},
      {"broker.address.ttl", "10000"}};
  if (!url.sasl.empty()) {
    properties.push_back({"sasl.mechanisms", url.sasl});
    properties.push_back({"sasl.username", url.user});
    properties.push_back({"sasl.password", url.password});
  }
  if (url.tls) {
    properties.push_back({"enable.ssl.certificate.verification", "true"});
    properties.push_back({"ssl.endpoint.identification.algorithm", "https"});
    if (!url.ca.empty()) properties.push_back({"ssl.ca.location", url.ca});
    if (!url.cert.empty()) properties.push_back({"ssl.certificate.location", url.cert});
    if (!url.key.empty()) properties.push_back({"ssl.key.location", url.key});
  }
  properties.insert(properties.end(), more.begin(), more.end());
  Conf conf(rd_kafka_conf_new());
  std::array<char, 512> why{};
  for (const auto& [name, value] : properties)
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK)
      return Error{"invalid_url",
                   "librdkafka refuses " + name + (name == "sasl.password" ? "" : ": " + printable(why.data()))};
  rd_kafka_conf_set_log_cb(conf.get(), relay_log);
  if (url.only_loopback()) rd_kafka_conf_set_connect_cb(conf.get(), connect_here_only);
  return conf;
}

Result<Client> make_client(rd_kafka_type_t type, Conf conf, LogRelay& relay, void* owner) {
  auto opaque = std::make_shared<Opaque>();
  opaque->log_relay = &relay;
  opaque->owner = owner;
  std::array<char, 512> why{};
  rd_kafka_conf_set_opaque(conf.get(), opaque.get());
  auto* client = rd_kafka_new(type, conf.get(), why.data(), why.size());
  if (client != nullptr) {
    (void)conf.release();  // it is the client's now
    return Client(client, EndsClient{std::move(opaque)});
  }
  const auto text = relay.without_secrets(why.data());
  if (errno == EAGAIN)
    return Error{"no_thread", "a Kafka client needs threads, and the system has none: " + text, Retry::same_call};
  return Error{"invalid_url", "librdkafka refuses to start: " + text};
}

void EndsClient::operator()(rd_kafka_t* client) const {
  struct Ending {
    std::mutex mutex;
    std::condition_variable ended;
    bool has_ended = false;
  };
  const auto ending = std::make_shared<Ending>();
  const auto end = [client, ending, kept = opaque] {
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    const std::scoped_lock lock(ending->mutex);
    ending->has_ended = true;
    ending->ended.notify_all();
  };
  try {
    // tidings: allow(detached-thread): librdkafka may hang here for ever, and it holds all that it uses itself
    std::thread(end).detach();
  } catch (const std::system_error&) {
    return end();  // then without a deadline
  }
  std::unique_lock lock(ending->mutex);
  if (ending->ended.wait_for(lock, ended_within, [&] { return ending->has_ended; })) return;
  const std::scoped_lock silence(opaque->mutex);
  if (opaque->log_relay != nullptr)
    opaque->log_relay->write(
        LogLevel::warning,
        "kafka: librdkafka does not end a client; its threads are left behind until the process ends");
  opaque->log_relay = nullptr;
}

}  // namespace tidings::brokers::kafka
