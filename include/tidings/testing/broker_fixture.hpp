#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "tidings/broker/broker.hpp"

namespace tidings::testing {

/// A broker with nothing in it, as the conformance suite takes it: one is made for each case, and is destroyed after
/// it. What it cannot do for the suite it leaves as it is, and the cases that need it are reported as unsupported, with
/// the reason.
class BrokerUnderTest {
 public:
  virtual ~BrokerUnderTest() = default;

  /// A handle; all handles of one `BrokerUnderTest` see the same topics while one is open, and ever after if the broker
  /// is persistent.
  virtual Result<std::unique_ptr<Broker>> open(const BrokerOptions& options = {}) = 0;

  /// How long a case waits for an event that must come before it fails. Long, so that a busy machine fails nothing.
  [[nodiscard]] virtual Duration patience() const { return std::chrono::seconds{30}; }

  /// A handle on a broker of its own that holds at most about `bytes`.
  virtual Result<std::unique_ptr<Broker>> open_bounded(std::size_t bytes);

  /// Kills what serves the open handles, without warning, and starts it again.
  virtual Result<> restart_server();

  /// From now on what the broker answers to a publish is lost on the way (`true`), or arrives again.
  virtual Result<> lose_answers(bool lose);
};

/// Makes a fresh one.
using BrokerFixture = std::function<std::unique_ptr<BrokerUnderTest>()>;

/// For brokers that `open_broker` knows: a fresh one is a fresh URL. `on_end` is called with the URL once all is
/// closed, to remove what is left.
[[nodiscard]] BrokerFixture broker_at(std::function<std::string()> fresh_url,
                                      std::function<void(const std::string& url)> on_end = {});

}  // namespace tidings::testing
