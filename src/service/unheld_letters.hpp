#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "service/dead_events.hpp"
#include "tidings/broker/broker.hpp"
#include "tidings/service/dead_letters.hpp"

namespace tidings::service {

/// Carries a request out for letters that nobody holds: those of processes that share nothing and remember nothing, and
/// those of what waited to be published. It writes into the journal what an owner would, without a hold; killed in the
/// middle, it has done what it had said to have done, and at most some hundred events more.
class UnheldLetters {
 public:
  UnheldLetters(Broker& broker, std::string journal, std::string_view group, std::string id, DeadLetterRequest request,
                std::string_view name_space);

  /// Errors: `unsupported` (never) where nobody could be given it again; the broker's.
  Result<> add(const DeadLetter& letter);
  Result<> finish();

 private:
  struct Place {
    std::uint32_t journal = 0;  // its partition of the topic of dead letters
    DeadClosed closed;
  };
  Result<> write();
  Result<> publish(std::uint32_t partition, const std::vector<Envelope>& events);

  Broker& broker_;
  const std::string journal_;
  const std::string group_;
  const std::string id_;
  const DeadLetterRequest request_;
  const std::string waits_in_;  // where it goes back to; empty: nowhere
  std::map<std::pair<std::string, std::uint32_t>, Place> places_;
  std::vector<Delivery> back_;
  std::size_t gathered_ = 0;
};

}  // namespace tidings::service
