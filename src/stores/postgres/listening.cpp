// LISTEN and NOTIFY: https://www.postgresql.org/docs/15/sql-notify.html.
#include <algorithm>

#include "stores/postgres/postgres_store.hpp"
#include "stores/postgres/waiting.hpp"
#include "tidings/base/text.hpp"

namespace tidings::stores::postgres {

namespace {

bool is_channel(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  return !name.empty() && name.size() <= 63 && is_letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

class PostgresListener final : public Listener {
 public:
  explicit PostgresListener(std::unique_ptr<Link> link) : link_(std::move(link)) {}

  Result<bool> wait(Duration wait_max) override {
    const auto until = steady_now() + wait_max;
    auto* const connection = link_->native();
    while (true) {
      bool is_told = false;
      while (auto* const told = PQnotifies(connection)) {
        PQfreemem(told);
        is_told = true;
      }
      if (is_told) return true;
      if (!wait_for(PQsocket(connection), true, false, until)) return false;
      if (PQconsumeInput(connection) == 0)
        return Error{"unavailable", "the connection that listens is lost: " + printable(PQerrorMessage(connection)),
                     Retry::reopen};
    }
  }

 private:
  std::unique_ptr<Link> link_;
};

}  // namespace

Result<std::unique_ptr<Listener>> PostgresStore::listen(std::string_view channel) {
  if (!is_channel(channel))
    return Error{"invalid_name",
                 "'" + printable(channel) + "' is no channel; name one as [a-z_][a-z0-9_]*, 63 at most"};
  auto link = Link::connect(url_, *options_.log, url_.connect_within);
  if (!link) return link.error();
  if (auto done = (*link)->say("LISTEN " + std::string(channel), url_.connect_within); !done) return done.error();
  return std::unique_ptr<Listener>(std::make_unique<PostgresListener>(std::move(*link)));
}

}  // namespace tidings::stores::postgres
