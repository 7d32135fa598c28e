#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "service/claims.hpp"
#include "service/delay_mover.hpp"
#include "service/delays.hpp"
#include "service/host.hpp"
#include "service/sealing.hpp"
#include "service/troubles.hpp"

namespace tidings::service {

/// Where all that a service publishes leaves: at once to its broker, what is due later to where it waits, sealed where
/// that is asked for, large payloads to their folder before. Thread-safe, once it is open.
class Outgoing final : public Publisher {
 public:
  Outgoing(Host& host, const Sealing& sealing, const Claims& claims)
      : host_(host), sealing_(sealing), claims_(claims) {}
  Outgoing(const Outgoing&) = delete;
  Outgoing& operator=(const Outgoing&) = delete;

  /// `schedule`: where events wait that are due later, if not at the broker itself. Error `invalid_url`: it keeps
  /// nothing.
  Result<> open(std::unique_ptr<Broker> schedule);
  /// What is due is published from now on, also what another service lets wait, in case it does not run any more.
  void look_after_delays(SteadyTime now);
  void close();

  Result<> seal(Envelope& event) override {
    return sealing_.must_seal(event.view()) ? sealing_.seal(event) : Result<>{};
  }
  /// Topics are called as in the service's namespace.
  Result<> check(std::string_view topic, const EnvelopeView& event) override;
  Result<> publish(std::string_view topic, std::span<const EnvelopeView> events) override {
    return publish(topic, events, PublishOptions{});
  }
  Result<> publish(std::string_view topic, std::span<const EnvelopeView> events, const PublishOptions& options);
  /// What others have published before, as they have sealed it or not.
  Result<> pass_on(std::string_view topic, std::span<const EnvelopeView> events, const PublishOptions& options);
  Result<> publish_with(Transaction& tx, std::string_view topic, std::span<const EnvelopeView> events) override;
  void reply_refused(std::string_view topic, const Error& why) override;
  Clock& clock() override { return *host_.clock; }
  Entropy& entropy() override { return *host_.entropy; }

 private:
  void count(std::string_view topic, std::size_t events, const Result<std::vector<tidings::Published>>& published);
  Result<> send(const std::string& name, std::string_view topic, std::span<const EnvelopeView> events,
                const PublishOptions& options);
  [[nodiscard]] Result<> may_wait(const EnvelopeView& event) const;
  [[nodiscard]] std::size_t bytes_max(const std::string& topic);

  Host& host_;
  const Sealing& sealing_;
  const Claims& claims_;
  std::unique_ptr<Broker> schedule_broker_;
  std::optional<Delays> delays_;
  std::optional<DelayMover> mover_;
  SteadyTime looked_for_delays_{};
  std::mutex mutex_;
  std::map<std::string, std::size_t, std::less<>> bytes_max_;  // of topics, as far as they were asked for
  SteadyTime ask_again_{};                                     // after a question without an answer
  Troubles replies_;
};

}  // namespace tidings::service
