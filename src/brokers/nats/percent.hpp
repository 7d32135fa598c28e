#pragma once

#include <string>
#include <string_view>

namespace tidings::brokers::nats {

/// As CloudEvents' HTTP binding writes header values: what is no plain ASCII sign, blanks, `"` and `%` as `%NN`; and
/// `also`, which separate something here.
[[nodiscard]] std::string percent_encoded(std::string_view text, std::string_view also = {});
/// A % without two digits stays as it is.
[[nodiscard]] std::string percent_decoded(std::string_view text);

}  // namespace tidings::brokers::nats
