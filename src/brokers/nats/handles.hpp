#pragma once

#include <nats/nats.h>

#include <memory>

namespace tidings::brokers::nats {

/// Owners of what libnats gives.
template <auto destroy>
struct Destroy {
  template <class T>
  void operator()(T* what) const {
    destroy(what);
  }
};

using Message = std::unique_ptr<natsMsg, Destroy<natsMsg_Destroy>>;
using Connection = std::unique_ptr<natsConnection, Destroy<natsConnection_Destroy>>;
using Options = std::unique_ptr<natsOptions, Destroy<natsOptions_Destroy>>;
using Subscription = std::unique_ptr<natsSubscription, Destroy<natsSubscription_Destroy>>;

}  // namespace tidings::brokers::nats
