#include "check/capabilities.hpp"

namespace tidings::check {

CapabilityWarnings capability_warnings() {
  return nullptr;
}

}  // namespace tidings::check
