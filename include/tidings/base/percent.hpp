#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidings {

/// As CloudEvents' HTTP binding writes header values: what is no plain ASCII sign, blanks, `"` and `%` as `%NN`; and
/// `also`, which separate something here.
[[nodiscard]] std::string percent_encoded(std::string_view text, std::string_view also = {});
/// A % without two digits stays as it is.
[[nodiscard]] std::string percent_decoded(std::string_view text);
/// None where a % stands before anything but two digits, or a NUL would come of it: what a person has written.
[[nodiscard]] std::optional<std::string> percent_decoded_strictly(std::string_view text);

}  // namespace tidings
