#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "service/host.hpp"
#include "tidings/outbox/relay.hpp"

namespace tidings::service {

/// The outbox of a service's store: its tables, and the relay that runs in the service. Thread-safe.
class Relaying {
 public:
  struct How {
    bool relays = true;    ///< it publishes itself what stands there
    bool listens = false;  ///< the database tells relays of commits
    Duration lease{};      ///< as of `RelayOptions`
  };
  Relaying(Host& host, const How& how) : host_(host), how_(how) {}
  Relaying(const Relaying&) = delete;
  Relaying& operator=(const Relaying&) = delete;

  /// What else makes tables, before `start`.
  void prepare_with(std::function<Result<>(Store&)> make) { make_ = std::move(make); }

  /// Makes the tables and starts the relay, if that has not been done. A database that is away answers `unavailable`
  /// (same call): to be called again.
  Result<> start();
  /// What is on its way ends; the rest is published when a relay runs again.
  void stop();

  /// Nothing before it has started.
  [[nodiscard]] std::optional<outbox::RelayStatus> status() const;

 private:
  [[nodiscard]] Result<> is_in_place() const;
  [[nodiscard]] std::function<void(std::string_view, std::span<const EnvelopeView>, Duration)> on_sent() const;

  Host& host_;
  const How how_;
  std::function<Result<>(Store&)> make_;
  mutable std::mutex mutex_;
  std::atomic<bool> is_ready_ = false;
  bool has_told_ = false;
  std::unique_ptr<outbox::Relay> relay_;
};

}  // namespace tidings::service
