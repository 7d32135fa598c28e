#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "brokers/nats/handles.hpp"
#include "brokers/nats/url.hpp"
#include "tidings/base/log_sink.hpp"

namespace tidings::brokers::nats {

/// When what is sent goes to the system: at once, or together with what is sent within a millisecond behind it, as
/// libnats has it unless told otherwise. That is for who sends much, and waits for no single answer.
enum class Sending { at_once, together };

/// What becomes of a connection, told on a thread of libnats that others wait for, too.
struct ConnectionEvents {
  std::function<void(bool connected)> changed;  ///< it goes (`false`), and comes back
  /// It does not come back: its owner has closed it, or libnats has, as it does where the server refuses the same user
  /// twice. The last that is told.
  std::function<void(const std::string& why)> closed;
};

/// Connects. Nothing that is sent while the connection is gone is kept for it. Errors as `Link::open`.
[[nodiscard]] Result<Connection> connect(const Url& url, LogSink& log, Sending sending, ConnectionEvents events);

/// How long to wait before try number `attempts` (from 0) of connecting again.
[[nodiscard]] std::chrono::milliseconds reconnect_pause(int attempts);

}  // namespace tidings::brokers::nats
