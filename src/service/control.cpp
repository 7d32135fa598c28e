#include "service/control.hpp"

#include "service/dead_events.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/make_envelope.hpp"

namespace tidings::service {

namespace {

constexpr std::size_t fetch_max = 1000;

}  // namespace

void Control::look() {
  const SteadyTime now{std::chrono::steady_clock::now()};
  if (now < look_again_) return;
  look_again_ = now + look_at_control_every.load();
  if (topic_.empty()) topic_ = in_namespace(host_.name_space, control_topic);
  if (!reader_) {
    if (!host_.broker->topic(topic_)) return;
    auto reader = host_.broker->subscribe(topic_, {.group = "", .create_topic = false});
    if (!reader) return;
    reader_ = std::move(*reader);
  }
  read();
}

void Control::read() {
  while (true) {
    auto got = reader_->fetch(fetch_max, Duration::zero());
    if (!got) {
      if (!std::exchange(in_trouble_, true))
        host_.say(LogLevel::warning, "cannot read " + topic_ + ": " + printable(to_string(got.error())) +
                                         "; requests are carried out once it can");
      reader_.reset();  // what was read is known again by its id
      return;
    }
    in_trouble_ = false;
    if (got->empty()) return;
    for (const auto& delivery : *got) {
      if (delivery.envelope.type != event_name<DeadLettersRequested>()) continue;
      if (const auto asked = decode_event<DeadLettersRequested>(delivery.envelope))
        requested_(std::string(delivery.envelope.id), asked->what);
      else
        host_.say(LogLevel::warning, "cannot read request " + printable(delivery.envelope.id) + " in " + topic_ + ": " +
                                         printable(to_string(asked.error())));
    }
  }
}

}  // namespace tidings::service
