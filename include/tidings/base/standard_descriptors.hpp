#pragma once

namespace tidings {

/// Gives a program that was started without standard input, output or error (`0<&- >&- 2>&-`) something in their place,
/// so that none of its own files gets such a number, and what is written to standard error does not end up in that
/// file. It is /dev/null, opened the wrong way around: to use them is still an error. For the first lines of a `main`;
/// `Service::from_args` does it. False: there is no descriptor left.
[[nodiscard]] bool keep_standard_descriptors();

}  // namespace tidings
