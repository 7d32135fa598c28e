#include "dashboard/tls.hpp"

#ifdef TIDINGS_DASHBOARD_TLS

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace tidings::cli {
namespace {

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Context = std::shared_ptr<SSL_CTX>;

class TlsChannel final : public ops::HttpChannel {
 public:
  TlsChannel(Context context, int socket) : context_(std::move(context)), ssl_(SSL_new(context_.get())) {
    if (ssl_ == nullptr) return;
    SSL_set_fd(ssl_, socket);
    SSL_set_accept_state(ssl_);
  }
  ~TlsChannel() override { SSL_free(ssl_); }
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  std::ptrdiff_t receive(char* into, std::size_t size) override {
    return outcome([&] { return SSL_read(ssl_, into, static_cast<int>(std::min<std::size_t>(size, INT_MAX))); });
  }
  std::ptrdiff_t send(const char* bytes, std::size_t size) override {
    return outcome([&] { return SSL_write(ssl_, bytes, static_cast<int>(std::min<std::size_t>(size, INT_MAX))); });
  }
  [[nodiscard]] bool holds_any() const override { return ssl_ != nullptr && SSL_has_pending(ssl_) != 0; }
  [[nodiscard]] bool waits_to_write() const override { return waits_to_write_; }

 private:
  template <class Call>
  std::ptrdiff_t outcome(Call&& call) {
    if (ssl_ == nullptr || failed_) return fail();
    ERR_clear_error();
    const auto count = call();
    waits_to_write_ = false;
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
      default:
        failed_ = true;
        return fail();
    }
  }
  static std::ptrdiff_t fail() {
    ERR_clear_error();
    errno = EPROTO;
    return -1;
  }

  Context context_;
  SSL* ssl_;
  bool waits_to_write_ = false;
  bool failed_ = false;
};

std::string last_reason() {
  char text[256] = "no reason given";
  if (const auto code = ERR_get_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

}  // namespace

Result<std::function<std::unique_ptr<ops::HttpChannel>(int socket)>> tls_channels(const std::string& certificate_file,
                                                                                  const std::string& key_file) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()), FreeContext());
  if (!context) return Error{"tls_failed", "OpenSSL makes no context: " + last_reason()};
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1)
    return Error{"tls_failed",
                 "--tls-cert " + certificate_file + " is no certificate in PEM that can be read: " + last_reason()};
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return Error{"tls_failed", "--tls-key " + key_file +
                                   " is no key of that certificate, in PEM, that can be read: " + last_reason()};
  if (SSL_CTX_check_private_key(context.get()) != 1)
    return Error{"tls_failed", "--tls-key " + key_file + " is not the key of --tls-cert " + certificate_file};
  return [context](int socket) -> std::unique_ptr<ops::HttpChannel> {
    return std::make_unique<TlsChannel>(context, socket);
  };
}

}  // namespace tidings::cli

#else

namespace tidings::cli {

Result<std::function<std::unique_ptr<ops::HttpChannel>(int socket)>> tls_channels(
    const std::string& /*certificate_file*/, const std::string& /*key_file*/) {
  return Error{"unsupported",
               "this program was built without OpenSSL, and serves no TLS; build it where libssl-dev is"};
}

}  // namespace tidings::cli

#endif
