#pragma once

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <string>
#include <thread>

#include "ops/socket.hpp"
#include "tidings/base/steady.hpp"

namespace tidings::ops {

using Key = std::shared_ptr<EVP_PKEY>;
using Certificate = std::shared_ptr<X509>;

/// A certificate with its key, made for a test; signed by itself, or by another.
struct Identity {
  Key key{EVP_EC_gen("P-256"), &EVP_PKEY_free};
  Certificate certificate{X509_new(), &X509_free};

  /// `names` as OpenSSL writes them: `DNS:collector,IP:127.0.0.1`; empty: an authority.
  static Identity make(const std::string& names, const Identity* by = nullptr, long valid_seconds = 3'600) {
    Identity made;
    auto* const one = made.certificate.get();
    X509_set_version(one, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(one), names.empty() ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(one), -86'400);
    X509_gmtime_adj(X509_getm_notAfter(one), valid_seconds);
    X509_set_pubkey(one, made.key.get());
    auto* const name = X509_get_subject_name(one);
    const auto* const text = reinterpret_cast<const unsigned char*>(names.empty() ? "authority" : "server");
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
    const auto& signer = by == nullptr ? made : *by;
    X509_set_issuer_name(one, X509_get_subject_name(signer.certificate.get()));
    made.add(NID_basic_constraints, names.empty() ? "critical,CA:TRUE" : "CA:FALSE");
    if (!names.empty()) made.add(NID_subject_alt_name, names);
    EXPECT_GT(X509_sign(one, signer.key.get(), EVP_sha256()), 0);
    return made;
  }
  [[nodiscard]] std::string pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_X509(out.get(), certificate.get());
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
  }

 private:
  void add(int what, const std::string& value) const {
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str()), &X509_EXTENSION_free);
    ASSERT_NE(extension, nullptr);
    X509_add_ext(certificate.get(), extension.get(), -1);
  }
};

/// Answers each request over TLS with 200, on 127.0.0.1.
class TlsServer {
 public:
  explicit TlsServer(const Identity& identity)
      : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free), listening_(listen_at("127.0.0.1:0").or_throw()) {
    SSL_CTX_use_certificate(context_.get(), identity.certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), identity.key.get());
    thread_ = std::thread([this] { run(); });
  }
  ~TlsServer() {
    ending_ = true;
    thread_.join();
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return listening_.port; }
  std::atomic<int> requests = 0;
  std::atomic<bool> is_silent = false;  ///< takes connections, and shakes no hands
  std::atomic<bool> leaves = false;     ///< once it has shaken hands

 private:
  void run() {
    sigset_t pipe{};  // OpenSSL's own sockets raise it where a client has gone
    ::sigemptyset(&pipe);
    ::sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    while (!ending_) {
      if (!wait_for(listening_.fd.get(), POLLIN, steady_now() + std::chrono::milliseconds{10}, -1)) continue;
      const Fd fd(::accept4(listening_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
      while (is_silent && !ending_) std::this_thread::sleep_for(std::chrono::milliseconds{1});
      const timeval patience{.tv_sec = 10, .tv_usec = 0};
      ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      answer(fd.get());
    }
  }
  void answer(int fd) {
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context_.get()), &SSL_free);
    SSL_set_fd(ssl.get(), fd);
    if (SSL_accept(ssl.get()) != 1 || leaves) return;
    std::string in;
    char bytes[4'096];
    while (!in.contains("\r\n\r\n")) {
      const int got = SSL_read(ssl.get(), bytes, sizeof bytes);
      if (got <= 0) return;
      in.append(bytes, static_cast<std::size_t>(got));
    }
    ++requests;
    constexpr std::string_view out = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    SSL_write(ssl.get(), out.data(), static_cast<int>(out.size()));
    SSL_shutdown(ssl.get());
  }

  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  Listening listening_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

}  // namespace tidings::ops
