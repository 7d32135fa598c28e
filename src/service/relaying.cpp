#include "service/relaying.hpp"

#include "service/measures.hpp"
#include "service/tracing.hpp"
#include "tidings/base/text.hpp"
#include "tidings/outbox/schema.hpp"

namespace tidings::service {

Result<> Relaying::start() {
  if (is_ready_) return is_in_place();
  const std::scoped_lock lock(mutex_);
  if (is_ready_ || host_.store == nullptr) return {};
  const auto failed = [&](const Error& why) {
    if (why.retry == Retry::same_call && !std::exchange(has_told_, true))
      host_.say(LogLevel::warning, "waits for its store: " + printable(to_string(why)));
    return why;
  };
  if (auto made = outbox::apply_schema(*host_.store, outbox::default_tables(), std::chrono::seconds{5}); !made)
    return failed(made.error());
  if (make_)
    if (auto made = make_(*host_.store); !made) return failed(made.error());
  if (how_.listens)
    if (auto made = outbox::apply_notify(*host_.store); !made) return failed(made.error());
  if (how_.relays) {
    auto relay = outbox::Relay::start(*host_.store, *host_.broker,
                                      {.name_space = host_.name_space,
                                       .place = host_.broker_place,
                                       .lease = how_.lease,
                                       .listens = how_.listens,
                                       .on_sent = on_sent(),
                                       .entropy = host_.entropy,
                                       .log = host_.log});
    if (!relay) return failed(relay.error());
    relay_ = std::move(*relay);
  }
  is_ready_ = true;
  if (std::exchange(has_told_, false)) host_.say(LogLevel::info, "has its store again");
  return {};
}

std::function<void(std::string_view, std::span<const EnvelopeView>, Duration)> Relaying::on_sent() const {
  if (host_.tracing == nullptr && host_.measures == nullptr) return {};
  return [tracing = host_.tracing, measures = host_.measures](std::string_view topic,
                                                              std::span<const EnvelopeView> events, Duration took) {
    if (tracing != nullptr) tracing->relayed(topic, events, tracing->now() - took);
    if (measures == nullptr) return;
    measures->published.of(topic).add(events.size());
    measures->publish_duration.observe(std::chrono::duration<double>(took).count());
  };
}

/// What handlers publish must not leave by a relay of somebody else's to another broker: they wait meanwhile.
Result<> Relaying::is_in_place() const {
  const std::scoped_lock lock(mutex_);
  if (!relay_ || relay_->state() != outbox::RelayStatus::State::waits_for_other_place) return {};
  const auto status = relay_->status();
  return status.trouble ? *status.trouble : Error{"other_broker", "another relay has the outbox", Retry::same_call};
}

void Relaying::stop() {
  std::unique_ptr<outbox::Relay> relay;
  {
    const std::scoped_lock lock(mutex_);
    relay = std::move(relay_);
  }
  if (relay) relay->stop();
}

std::optional<outbox::RelayStatus> Relaying::status() const {
  const std::scoped_lock lock(mutex_);
  return relay_ ? std::optional(relay_->status()) : std::nullopt;
}

}  // namespace tidings::service
