#include <unistd.h>

#include <cstring>

#include "broker_clients/contender.hpp"
#include "tidings/base/time.hpp"

namespace bench::brokers {

Events::Events(std::size_t payload_bytes, std::uint64_t seed) {
  Random random(seed);
  for (int key = 0; key < 64; ++key) keys_.push_back("customer-" + std::to_string(random.between(1'000, 9'999)));
  event_.payload = random.letters(payload_bytes);
}

const Events::Event& Events::next(std::uint64_t number) {
  static std::uint64_t of_all = 0;  // ids are the process's own: a server drops what comes again
  char id[32];
  std::snprintf(id, sizeof id, "%010d-%015llu", ::getpid(), static_cast<unsigned long long>(++of_all));
  event_.id = id;
  event_.key = keys_[made_++ % keys_.size()];
  std::memcpy(event_.payload.data(), &number, sizeof number);
  return event_;
}

tidings::EnvelopeView Events::view(const Event& event) {
  static const auto time = tidings::parse_rfc3339(time_text).value();
  return {.id = event.id,
          .type = type,
          .source = source,
          .data_content_type = content_type,
          .key = event.key,
          .time = time,
          .payload = event.payload};
}

bool Events::is_one(const tidings::EnvelopeView& event) const {
  const auto own = view(event_);
  return event.id.size() == 26 && event.type == own.type && event.source == own.source &&
         event.data_content_type == own.data_content_type && event.key.size() == own.key.size() &&
         event.time == own.time && event.version == own.version && event.subject.empty() && event.data_schema.empty() &&
         event.headers.empty() && event.payload.size() == own.payload.size() &&
         event.payload.substr(8) == own.payload.substr(8);
}

std::uint64_t Events::number_of(std::string_view payload) {
  std::uint64_t number = 0;
  if (payload.size() >= sizeof number) std::memcpy(&number, payload.data(), sizeof number);
  return number;
}

}  // namespace bench::brokers
