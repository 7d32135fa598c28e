#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "tidings/broker/broker.hpp"

namespace tidings::service {

/// How long what was asked and answered stays in `tidings.control`, where no pause stands: a request for dead letters
/// that no service has taken up by then is gone. While a pause stands everything does, or it would end by itself.
inline constexpr Duration control_age = std::chrono::days{30};

/// Makes the topic, where it is not there. `for_pause`: what stands in it is kept from now on; else for `control_age`,
/// where the broker has retention. Another retention that somebody gave it stays until a pause is made. Errors: the
/// broker's.
Result<> make_control_topic(Broker& broker, const std::string& topic, bool for_pause);

/// Nothing is paused any more: from now on it does not grow for ever. A pause that came just then is kept all the same.
/// What is refused changes nothing: the topic grows, as it would without.
void nothing_stands(Broker& broker, const std::string& topic, std::string_view name_space);

}  // namespace tidings::service
