#include "ops/tls.hpp"

#ifdef TIDINGS_OPS_TLS

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "ops/socket.hpp"
#include "tidings/base/text.hpp"

namespace tidings::ops {

namespace {

std::string last_reason() {
  char text[256] = "no reason was given";
  if (const auto code = ERR_get_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

int socket_of(BIO* bio) {
  return *static_cast<const int*>(BIO_get_data(bio));
}

bool is_to_be_awaited() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/// OpenSSL's own sockets write without MSG_NOSIGNAL: a server that is gone would end the program.
const BIO_METHOD* quiet_socket() {
  static const BIO_METHOD* const made = [] {
    auto* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tidings socket");
    if (method == nullptr) return method;
    BIO_meth_set_write(method, [](BIO* bio, const char* bytes, int size) {
      const auto put = ::send(socket_of(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
      BIO_clear_retry_flags(bio);
      if (put < 0 && is_to_be_awaited()) BIO_set_retry_write(bio);
      return static_cast<int>(put);
    });
    BIO_meth_set_read(method, [](BIO* bio, char* into, int size) {
      const auto got = ::recv(socket_of(bio), into, static_cast<std::size_t>(size), 0);
      BIO_clear_retry_flags(bio);
      if (got < 0 && is_to_be_awaited()) BIO_set_retry_read(bio);
      return static_cast<int>(got);
    });
    BIO_meth_set_ctrl(method, [](BIO*, int what, long, void*) -> long { return what == BIO_CTRL_FLUSH ? 1 : 0; });
    return method;
  }();
  return made;
}

class TlsChannel final : public HttpChannel {
 public:
  TlsChannel(std::shared_ptr<void> context, int socket)
      : context_(std::move(context)), socket_(socket), ssl_(SSL_new(static_cast<SSL_CTX*>(context_.get()))) {
    auto* const bio = quiet_socket() == nullptr ? nullptr : BIO_new(quiet_socket());
    if (ssl_ == nullptr || bio == nullptr) return;
    BIO_set_data(bio, &socket_);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_, bio, bio);
    is_made_ = true;
  }
  ~TlsChannel() override { SSL_free(ssl_); }
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  /// The name that its certificate must be of. False: OpenSSL takes none such.
  bool expects(const std::string& host) {
    if (!is_made_) return false;
    unsigned char address[sizeof(in6_addr)];
    if (::inet_pton(AF_INET, host.c_str(), address) == 1 || ::inet_pton(AF_INET6, host.c_str(), address) == 1)
      return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str()) == 1;
    SSL_set_hostflags(ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl_, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl_, host.c_str()) == 1;
  }
  /// As `receive`, of one byte that nobody gets.
  std::ptrdiff_t shake_hands() {
    return outcome([&] { return SSL_connect(ssl_); });
  }
  [[nodiscard]] long verdict() const { return SSL_get_verify_result(ssl_); }

  std::ptrdiff_t receive(char* into, std::size_t size) override {
    return outcome([&] { return SSL_read(ssl_, into, static_cast<int>(std::min<std::size_t>(size, INT_MAX))); });
  }
  std::ptrdiff_t send(const char* bytes, std::size_t size) override {
    return outcome([&] { return SSL_write(ssl_, bytes, static_cast<int>(std::min<std::size_t>(size, INT_MAX))); });
  }
  [[nodiscard]] bool holds_any() const override { return is_made_ && SSL_has_pending(ssl_) != 0; }
  [[nodiscard]] bool waits_to_write() const override { return waits_to_write_; }
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  template <class Call>
  std::ptrdiff_t outcome(Call&& call) {
    waits_to_write_ = false;
    errno = EPROTO;
    if (!is_made_ || !why_.empty()) return -1;
    ERR_clear_error();
    const auto count = call();
    if (count > 0) return count;
    switch (SSL_get_error(ssl_, count)) {
      case SSL_ERROR_WANT_WRITE:
        waits_to_write_ = true;
        [[fallthrough]];
      case SSL_ERROR_WANT_READ:
        errno = EAGAIN;
        return -1;
      case SSL_ERROR_ZERO_RETURN:
        return 0;
      case SSL_ERROR_SYSCALL:
        why_ = "the connection ended";
        break;
      default:
        why_ = last_reason();
    }
    errno = EPROTO;
    return -1;
  }

  std::shared_ptr<void> context_;
  int socket_;
  SSL* ssl_;
  bool is_made_ = false;
  bool waits_to_write_ = false;
  std::string why_;  ///< nothing goes over it any more
};

}  // namespace

Result<TlsTrust> TlsTrust::of(const std::string& file) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), [](SSL_CTX* made) { SSL_CTX_free(made); });
  if (!context) return Error{"invalid_options", "OpenSSL makes no context: " + last_reason()};
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // An answer's length says where it ends, so a connection that ends without a word cuts none off.
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (file.empty()) {
    if (SSL_CTX_set_default_verify_paths(context.get()) != 1)
      return Error{"invalid_options", "the system's authorities cannot be read: " + last_reason()};
  } else if (SSL_CTX_load_verify_file(context.get(), file.c_str()) != 1) {
    return Error{"invalid_options",
                 "'" + printable(file) + "' has no certificates in PEM that can be read: " + last_reason()};
  }
  return TlsTrust(std::move(context));
}

Result<std::unique_ptr<HttpChannel>> TlsTrust::connect(int socket, const std::string& host, SteadyTime until,
                                                       int cancel) const {
  auto channel = std::make_unique<TlsChannel>(context_, socket);
  if (!channel->expects(host))
    return Error{"untrusted", "no certificate can be of '" + printable(host) + "'", Retry::same_call};
  while (channel->shake_hands() <= 0) {
    const bool goes_on = errno == EAGAIN && channel->why().empty();
    if (goes_on && wait_for(socket, channel->waits_to_write() ? POLLOUT : POLLIN, until, cancel)) continue;
    if (goes_on) return Error{"unreachable", printable(host) + " shook no hands in time", Retry::same_call};
    if (const auto verdict = channel->verdict(); verdict != X509_V_OK)
      return Error{"untrusted",
                   "the certificate of " + printable(host) + ": " + X509_verify_cert_error_string(verdict) +
                       "; OTEL_EXPORTER_OTLP_CERTIFICATE names the authorities to trust in place of the system's",
                   Retry::same_call};
    return Error{"unreachable", "no TLS with " + printable(host) + ": " + printable(channel->why()), Retry::same_call};
  }
  return std::unique_ptr<HttpChannel>(std::move(channel));
}

}  // namespace tidings::ops

#else

namespace tidings::ops {

Result<TlsTrust> TlsTrust::of(const std::string& /*file*/) {
  return Error{"unsupported",
               "Tidings was built without OpenSSL, and speaks no TLS: build it where libssl-dev is, or "
               "give the http:// address of a collector on this machine or in this network"};
}

Result<std::unique_ptr<HttpChannel>> TlsTrust::connect(int, const std::string&, SteadyTime, int) const {
  return Error{"unsupported", "Tidings was built without OpenSSL"};
}

}  // namespace tidings::ops

#endif
