#pragma once

#include <functional>

#include "brokers/nats/handles.hpp"
#include "brokers/nats/url.hpp"
#include "tidings/base/log_sink.hpp"

namespace tidings::brokers::nats {

/// Connects. `changed` is told, on a thread of libnats, when the connection goes (`false`) and comes back; nothing that
/// is sent meanwhile is kept for it. Errors as `Link::open`.
[[nodiscard]] Result<Connection> connect(const Url& url, LogSink& log, std::function<void(bool connected)> changed);

}  // namespace tidings::brokers::nats
