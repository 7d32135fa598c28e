#include "named_store.hpp"

#include "output.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::cli {

Result<std::unique_ptr<Store>> open_named_store(const std::string& url, bool may_create) {
  if (url.empty())
    return Error{"invalid_store",
                 "say which database: --store sqlite:FILE or postgres://HOST/DATABASE, or TIDINGS_STORE"};
  return open_store(url, {.must_exist = !may_create, .log = &stderr_log(LogLevel::warning)});
}

}  // namespace tidings::cli
