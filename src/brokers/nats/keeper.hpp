#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "brokers/nats/member.hpp"

namespace tidings::brokers::nats {

/// The thread of a broker's handle that keeps its members alive and lets them share: see `Member::work`.
class Keeper {
 public:
  explicit Keeper(std::shared_ptr<Core> core);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  void end();

 private:
  void run();

  const std::shared_ptr<Core> core_;
  std::atomic<bool> ends_ = false;
  std::thread thread_;
};

}  // namespace tidings::brokers::nats
