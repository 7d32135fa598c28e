#pragma once

#include <functional>

#include "brokers/nats/handles.hpp"
#include "brokers/nats/url.hpp"
#include "tidings/base/log_sink.hpp"

namespace tidings::brokers::nats {

/// When what is sent goes to the system: at once, or together with what is sent within a millisecond behind it, as
/// libnats has it unless told otherwise. That is for who sends much, and waits for no single answer.
enum class Sending { at_once, together };

/// Connects. `changed` is told, on a thread of libnats, when the connection goes (`false`) and comes back; nothing that
/// is sent meanwhile is kept for it. Errors as `Link::open`.
[[nodiscard]] Result<Connection> connect(const Url& url, LogSink& log, Sending sending,
                                         std::function<void(bool connected)> changed);

}  // namespace tidings::brokers::nats
