#include "trial.hpp"

namespace tidings::testing {

std::unique_ptr<Broker> Trial::open() {
  return need(under_test_->open(), "open");
}

}  // namespace tidings::testing
