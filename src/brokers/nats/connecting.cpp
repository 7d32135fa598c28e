#include "brokers/nats/connecting.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tidings/base/text.hpp"

namespace tidings::brokers::nats {

namespace {

/// What libnats calls back with. It goes when the connection has been closed for good.
struct Callbacks {
  ConnectionEvents events;
  LogSink* log;
  std::string shown;
};

void on_disconnected(natsConnection*, void* closure) {
  static_cast<Callbacks*>(closure)->events.changed(false);
}

void on_reconnected(natsConnection*, void* closure) {
  static_cast<Callbacks*>(closure)->events.changed(true);
}

void on_closed(natsConnection* connection, void* closure) {
  const std::unique_ptr<Callbacks> last(static_cast<Callbacks*>(closure));
  const char* why = nullptr;
  (void)natsConnection_GetLastError(connection, &why);
  last->events.closed(why != nullptr && *why != '\0' ? printable(why) : "no reason is known");
}

void on_error(natsConnection*, natsSubscription*, natsStatus status, void* closure) {
  const auto& self = *static_cast<Callbacks*>(closure);
  self.log->write(LogLevel::warning, self.shown + ": " + natsStatus_GetText(status));
}

std::int64_t reconnect_delay(natsConnection*, int attempts, void*) {
  return reconnect_pause(attempts).count();
}

/// The first setting that libnats refuses.
class Setting {
 public:
  explicit Setting(const Url& url) : url_(url) {}
  Setting& operator()(natsStatus status, const std::string& what) {
    if (status == NATS_OK || failed_) return *this;
    failed_ = true;
    error_ = {status == NATS_SSL_ERROR ? "tls_failed" : "io_error", url_.shown + ": " + what + " cannot be used (" +
                                                                        natsStatus_GetText(status) +
                                                                        "); is the file there, and right?"};
    return *this;
  }
  [[nodiscard]] Result<> result() const { return failed_ ? Result<>(error_) : Result<>{}; }

 private:
  const Url& url_;
  bool failed_ = false;
  Error error_;
};

Result<> set_identity(natsOptions* options, const Url& url) {
  Setting set(url);
  if (!url.user.empty()) set(natsOptions_SetUserInfo(options, url.user.c_str(), url.password.c_str()), "user");
  if (!url.token.empty()) set(natsOptions_SetToken(options, url.token.c_str()), "token");
  if (!url.creds_file.empty())
    set(natsOptions_SetUserCredentialsFromFiles(options, url.creds_file.c_str(), nullptr), "creds");
  if (!url.nkey.empty()) set(natsOptions_SetNKeyFromSeed(options, url.nkey.c_str(), url.seed_file.c_str()), "nkey");
  return set.result();
}

Result<> set_tls(natsOptions* options, const Url& url) {
  if (!url.tls) return {};
  Setting set(url);
  set(natsOptions_SetSecure(options, true), "tls");
  if (!url.ca_file.empty()) set(natsOptions_LoadCATrustedCertificates(options, url.ca_file.c_str()), "ca");
  if (!url.certificate_file.empty())
    set(natsOptions_LoadCertificatesChain(options, url.certificate_file.c_str(), url.key_file.c_str()), "cert and key");
  if (!url.verify) set(natsOptions_SkipServerVerification(options, true), "verify");
  return set.result();
}

/// libnats's own words, without the place in its source that stands in front of them.
std::string last_words(natsStatus status) {
  const auto* words = nats_GetLastError(nullptr);
  std::string_view text = words != nullptr ? words : "";
  if (const auto place = text.find("): "); text.starts_with('(') && place != text.npos) text.remove_prefix(place + 3);
  return text.empty() ? natsStatus_GetText(status) : printable(text);
}

Error refused(const Url& url, natsStatus status) {
  const auto why = url.shown + ": " + last_words(status);
  switch (status) {
    case NATS_CONNECTION_AUTH_FAILED:
      return {"permission_denied",
              url.shown + ": the server does not let this user in; look at user, token, nkey or creds"};
    case NATS_SSL_ERROR:
      return {"tls_failed", why + "; look at ca, cert and key, and at the host's name"};
    case NATS_SECURE_CONNECTION_WANTED:
      return {"tls_failed", url.shown + ": the server offers no TLS, and tls=true asks for it"};
    case NATS_SECURE_CONNECTION_REQUIRED:
      return {"tls_failed", url.shown + ": the server takes nobody without TLS; add tls=true"};
    default:
      return {"unreachable", why + "; is the server running, and is that its port?", Retry::same_call};
  }
}

}  // namespace

std::chrono::milliseconds reconnect_pause(int attempts) {
  constexpr std::int64_t first_ms = 25;
  constexpr int doublings_max = 6;  // 1.6 s
  return std::chrono::milliseconds{first_ms << std::min(attempts, doublings_max)};
}

Result<Connection> connect(const Url& url, LogSink& log, Sending sending, ConnectionEvents events) {
  natsOptions* made = nullptr;
  if (natsOptions_Create(&made) != NATS_OK) return Error{"no_memory", "no memory for a connection", Retry::same_call};
  const Options options(made);
  std::vector<std::string> servers;
  std::vector<const char*> pointers;
  for (const auto& server : url.servers) servers.push_back("nats://" + server);
  for (const auto& server : servers) pointers.push_back(server.c_str());

  constexpr int connect_ms = 2'000;
  constexpr int write_ms = 2'000;
  constexpr int ping_ms = 5'000;
  constexpr int pings_out_max = 2;
  auto callbacks = std::make_unique<Callbacks>(Callbacks{std::move(events), &log, url.shown});
  Setting set(url);
  set(natsOptions_SetServers(made, pointers.data(), static_cast<int>(pointers.size())), "the server's name")(
      natsOptions_SetName(made, "tidings"), "name")(natsOptions_SetTimeout(made, connect_ms), "timeout")(
      natsOptions_SetWriteDeadline(made, write_ms), "write deadline")(natsOptions_SetPingInterval(made, ping_ms),
                                                                      "ping interval")(
      natsOptions_SetMaxPingsOut(made, pings_out_max), "pings")(natsOptions_SetMaxReconnect(made, -1), "reconnects")(
      natsOptions_SetCustomReconnectDelay(made, reconnect_delay, nullptr), "reconnect delay")(
      natsOptions_SetReconnectBufSize(made, 0),
      "reconnect buffer")  // what is sent without a connection must not go later, out of order
      (natsOptions_SetSendAsap(made, sending == Sending::at_once), "send at once")(natsOptions_SetNoEcho(made, false),
                                                                                   "echo")(
          natsOptions_SetDisconnectedCB(made, on_disconnected, callbacks.get()), "callback")(
          natsOptions_SetReconnectedCB(made, on_reconnected, callbacks.get()), "callback")(
          natsOptions_SetClosedCB(made, on_closed, callbacks.get()), "callback")(
          natsOptions_SetErrorHandler(made, on_error, callbacks.get()), "callback");
  // A cluster tells of servers of its own, which must not be told a secret in the clear.
  if (!url.tls && !url.allow_plaintext && (!url.user.empty() || !url.token.empty()))
    set(natsOptions_SetIgnoreDiscoveredServers(made, true), "discovered servers");
  if (auto fine = set.result(); !fine) return fine.error();
  if (auto fine = set_tls(made, url); !fine) return fine.error();
  if (auto fine = set_identity(made, url); !fine) return fine.error();

  natsConnection* connection = nullptr;
  const auto status = natsConnection_Connect(&connection, made);
  if (status != NATS_OK) return refused(url, status);
  (void)callbacks.release();  // on_closed ends them
  return Connection(connection);
}

}  // namespace tidings::brokers::nats
