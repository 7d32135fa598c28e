#include "tidings/store/store.hpp"

namespace tidings {

Result<std::unique_ptr<Listener>> Store::listen(std::string_view /*channel*/) {
  return Error{"unsupported", "this database tells nobody of commits; look now and then"};
}

}  // namespace tidings
