#include "service/payloads.hpp"

#include "service/claims.hpp"
#include "service/sealing.hpp"

namespace tidings::service {

Result<std::string> whole_payload(const Host& host, EnvelopeView event) {
  std::string redeemed;
  if (Claims::is_ticket(event)) {
    auto payload = host.claims->redeem(event);
    if (!payload) return payload;
    redeemed = std::move(*payload);
    event.payload = redeemed;
  }
  std::string opened;
  const auto plain = host.sealing->open(event, opened);
  if (!plain) return plain.error();
  return std::string(plain->payload);
}

}  // namespace tidings::service
