#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "service/audit.hpp"
#include "service/handling.hpp"
#include "service/host.hpp"
#include "service/keeper.hpp"
#include "service/measures.hpp"
#include "service/relaying.hpp"
#include "tidings/ops/health.hpp"
#include "tidings/ops/http.hpp"
#include "tidings/ops/metrics.hpp"
#include "tidings/saga/inspect.hpp"

namespace tidings::service {

/// How a service tells those who operate it how it is: metrics, health, and the server where both are asked for. What
/// has to be asked of broker or store is gathered by a thread of its own, so that no scrape waits for them.
/// Thread-safe.
class Operations {
 public:
  struct How {
    std::string listen;    ///< empty: no server
    bool measures = true;  ///< counts and times on the way of events
    Duration gather_every{};
  };
  Operations(Host& host, Audit& audit, Relaying& relaying, How how);
  ~Operations() { stop(); }
  Operations(const Operations&) = delete;
  Operations& operator=(const Operations&) = delete;

  /// For users: from now on it gathers also where it has no server.
  ops::Metrics& metrics();
  ops::Health& health();
  ops::Metrics& metrics_unasked() { return metrics_; }
  /// Null where nothing is measured.
  [[nodiscard]] Measures* measures() { return measures_ ? &*measures_ : nullptr; }

  /// The server answers; it is not ready. Errors as `HttpServer::start`.
  Result<> open();
  /// The handlers run.
  void start(std::vector<Handling*> handlings, std::vector<std::string> sagas, bool relays);
  /// It is not ready any more, but answers.
  void begin_stop();
  void stop();

 private:
  void add_handler(Handling& handling);
  void gather();
  void gather_handlers();
  Result<> gather_groups();
  Result<> gather_outbox();
  Result<> gather_sagas();
  Result<ops::HealthFinding> try_broker() const;
  Result<ops::HealthFinding> try_store() const;
  void judge_handlers(const std::vector<Audited>& audited);
  void judge_relay();
  void judge_unrelayed(const outbox::OutboxStatus& status);
  void judge_keys();

  Host& host_;
  Audit& audit_;
  Relaying& relaying_;
  const How how_;
  ops::Metrics metrics_;
  ops::Health health_;
  std::optional<Measures> measures_;
  std::atomic<bool> is_wanted_ = false;
  std::vector<Handling*> handlings_;  // fixed once it has started
  std::vector<std::string> sagas_;
  bool relays_ = false;
  struct Relayed {
    std::atomic<std::uint64_t> sent = 0, duplicates = 0, failed = 0;
  } relayed_;
  std::mutex gathering_mutex_;        // of who gathers
  std::atomic<double> gathered_ = 0;  // the time of the last that missed nothing
  std::unique_ptr<ops::HttpServer> server_;
  std::atomic<bool> is_started_ = false;
  Keeper gatherer_{[this] { gather(); }};
};

}  // namespace tidings::service
