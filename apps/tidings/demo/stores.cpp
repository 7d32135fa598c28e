#include "demo/stores.hpp"

#include <chrono>

#include "demo/services.hpp"
#include "tidings/base/uuid.hpp"
#include "tidings/outbox/relay.hpp"
#include "tidings/saga/inspect.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::cli {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view postgres = "postgres://";
constexpr std::string_view search_path = "-csearch_path%3D";

}  // namespace

Result<> check_store(const std::string& url) {
  if (url.starts_with(postgres)) return {};
  return Error{"invalid_url",
               "--store is a PostgreSQL, as postgres://localhost/shop; without it each service has a file (sqlite:)"};
}

std::string with_schema(std::string_view url, std::string_view schema) {
  const auto mark = url.find('?');
  const auto path = std::string(search_path).append(schema);
  if (mark == url.npos) return std::string(url) + "?options=" + path;
  auto at = url.find("options=", mark);
  while (at != url.npos && url[at - 1] != '?' && url[at - 1] != '&') at = url.find("options=", at + 1);
  if (at == url.npos) return std::string(url) + "&options=" + path;
  const auto end = std::min(url.find('&', at), url.size());
  return std::string(url.substr(0, end)) + "%20" + path + std::string(url.substr(end));
}

Result<Stores> Stores::make(const std::optional<std::string>& url, const std::string& directory) {
  Stores stores;
  const auto run = "tidings_demo_" + make_uuid_v7().to_string().substr(24);
  std::vector<std::string> statements;
  for (const auto& spec : specs) {
    if (!spec.has_store) continue;
    const std::string name = spec.name;
    if (!url) {
      stores.urls_[name] = "sqlite:" + directory + "/" + name + "/" + name + ".db";
      continue;
    }
    stores.schemas_.push_back(run + "_" + name);
    stores.urls_[name] = with_schema(*url, stores.schemas_.back());
    statements.push_back("create schema " + stores.schemas_.back());
  }
  if (!url) return stores;
  stores.server_ = *url;
  if (auto made = stores.in_database(statements); !made) return made.error();
  return stores;
}

std::string Stores::url(std::string_view service) const {
  const auto known = urls_.find(service);
  return known == urls_.end() ? "" : known->second;
}

Result<Store*> Stores::of(std::string_view service) {
  auto& store = open_[std::string(service)];
  if (store != nullptr) return store.get();
  auto opened = open_store(url(service), {.connections = 1, .must_exist = true});
  if (!opened) return opened.error();
  store = std::move(*opened);
  return store.get();
}

Result<Stores::Left> Stores::left() {
  Left left;
  for (const auto& [service, url] : urls_) {
    auto store = of(service);
    if (!store) return store.error();
    auto status = outbox::status(**store);
    if (!status) return status.error();
    left.events += status->backlog + status->retried_keys;
  }
  auto orders = of("orders");
  if (!orders) return orders.error();
  for (const auto status : {saga::Status::running, saga::Status::compensating}) {
    auto some = saga::list(**orders, {.type = {}, .status = status, .after_type = {}, .after_id = {}, .limit = 1'000});
    if (!some) return some.error();
    left.sagas += some->size();
  }
  return left;
}

Result<> Stores::remove() {
  open_.clear();
  std::vector<std::string> statements;
  for (const auto& schema : schemas_) statements.push_back("drop schema if exists " + schema + " cascade");
  auto done = statements.empty() ? Result<>{} : in_database(statements);
  if (done) schemas_.clear();
  return done;
}

Result<> Stores::in_database(const std::vector<std::string>& statements) const {
  auto store = open_store(server_, {.connections = 1});
  if (!store) return store.error();
  auto tx = (*store)->begin(30s);
  if (!tx) return tx.error();
  for (const auto& statement : statements)
    if (auto done = (*tx)->execute(statement); !done) return done.error();
  return (*tx)->commit();
}

}  // namespace tidings::cli
