#include "stores/postgres/postgres_store.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "stores/postgres/open_transaction.hpp"
#include "stores/postgres/waiting.hpp"
#include "tidings/base/forks.hpp"

namespace tidings::stores {

namespace postgres {

namespace {

using namespace std::chrono_literals;

std::string begin_statement(Isolation isolation) {
  constexpr std::array<std::string_view, 3> levels{"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};
  return "BEGIN ISOLATION LEVEL " + std::string(levels.at(static_cast<std::size_t>(isolation)));
}

}  // namespace

PostgresStore::PostgresStore(Url url, const StoreOptions& options)
    : url_(std::move(url)),
      options_(options),
      begin_(begin_statement(url_.isolation)),
      forks_(fork_count()),
      turns_(std::max<std::size_t>(options.connections, 1)) {}

PostgresStore::~PostgresStore() {
  (void)close(Duration::zero());
}

Result<std::unique_ptr<Store>> PostgresStore::open(std::string_view text, const StoreOptions& options) {
  auto url = parse_url(text);
  if (!url) return url.error();
  std::unique_ptr<PostgresStore> store(new PostgresStore(std::move(*url), options));
  auto first = Link::connect(store->url_, *options.log, store->url_.connect_within);
  if (!first) return first.error();
  store->keep(std::move(*first));
  return std::unique_ptr<Store>(std::move(store));
}

std::unique_ptr<Link> PostgresStore::idle() {
  const std::scoped_lock lock(mutex_);
  if (idle_.empty()) return nullptr;
  auto link = std::move(idle_.back());
  idle_.pop_back();
  return link;
}

void PostgresStore::keep(std::unique_ptr<Link> link) {
  const std::scoped_lock lock(mutex_);
  idle_.push_back(std::move(link));
}

void PostgresStore::give_back(std::unique_ptr<Link> link) {
  if (link && !link->is_lost() && link->status() == PQTRANS_IDLE) keep(std::move(link));
  link.reset();
  turns_.give_back();
}

Result<PostgresStore::Begun> PostgresStore::begun(Duration within) {
  // Of a server that was started anew none is of use any more: each is seen to be broken at once, or by the first that
  // is asked over it.
  for (auto link = idle(); link; link = idle())
    if (!link->is_closed()) {
      link->hold(begin_);
      return Begun{std::move(link), true};
    }
  auto made = Link::connect(url_, *options_.log, within);
  if (!made) return made.error();
  (*made)->hold(begin_);
  return Begun{std::move(*made), false};
}

Result<std::unique_ptr<OpenTransaction>> PostgresStore::begin(Duration wait_max) {
  assert(forks_ == fork_count() && "a store that was opened before fork() must not be used after it");
  const auto until = steady_now() + wait_max;
  const auto got = turns_.take(until);
  if (got == Turns::Got::closed) return Error{"closed", "the store is closed; open it again", Retry::reopen};
  if (got == Turns::Got::nothing)
    return Error{"busy",
                 "all connections are in use; end each transaction soon, wait longer, or allow more of them "
                 "(StoreOptions::connections)",
                 Retry::same_call};
  // Who waits for nothing must be able to connect, too.
  auto link = begun(std::max<Duration>(until - steady_now(), 1s));
  if (!link) {
    give_back(nullptr);
    return link.error();
  }
  return std::unique_ptr<OpenTransaction>(
      std::make_unique<Open>(*this, std::move(link->link), link->was_idle, url_.answer_within));
}

Result<> PostgresStore::close(Duration wait_max) {
  if (!turns_.close(steady_now() + wait_max)) return Error{"timeout", "a transaction is still open", Retry::same_call};
  const std::scoped_lock lock(mutex_);
  idle_.clear();
  return {};
}

}  // namespace postgres

StoreFactory postgres_factory() {
  return {.scheme = "postgres",
          .example = "postgres://USER:PASSWORD@HOST/DATABASE",
          .open = &postgres::PostgresStore::open};
}

}  // namespace tidings::stores
