#include "testing/servers/shared_postgres.hpp"

namespace tidings::testing {

SharedPostgres& SharedPostgres::get() {
  static SharedPostgres postgres;
  return postgres;
}

SharedPostgres::SharedPostgres() : server_(start_postgres_server()) {
  if (!server_) return;
  auto proxy = TcpProxy::start((*server_)->port());
  if (proxy)
    proxy_ = std::move(*proxy);
  else
    server_ = proxy.error();
}

Result<> SharedPostgres::ready() const {
  if (!server_) return server_.error();
  return {};
}

}  // namespace tidings::testing
