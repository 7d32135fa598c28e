#include "dashboard/databases.hpp"

#include "json_line.hpp"
#include "tidings/base/redact.hpp"
#include "tidings/base/text.hpp"
#include "tidings/inbox/inbox.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::cli {
namespace {

constexpr auto turn_wait = std::chrono::seconds{5};
constexpr std::string_view reading = "?mode=ro";  // of SQLite, where each transaction would take the writer's turn

bool is_none(const Error& error) {
  return error.code == "no_sagas" || error.code == "no_outbox" || error.code == "no_inbox";
}

}  // namespace

Databases::Databases(std::vector<std::string> urls) {
  for (auto& url : urls) all_.emplace_back().url = std::move(url);
}

std::string Databases::names() const {
  std::string names;
  for (const auto& one : all_) names += (names.empty() ? "" : ", ") + redacted(one.url);
  return names;
}

std::vector<std::string> Databases::unopened() {
  std::vector<std::string> all;
  for (auto& one : all_)
    if (const auto opened = open(one, For::looking); !opened)
      all.push_back("store " + printable(redacted(one.url)) + " cannot be opened now: " + to_string(opened.error()) +
                    "; it is tried again whenever it is looked at");
  return all;
}

Result<Store*> Databases::open(One& one, For what) {
  const std::scoped_lock lock(one.mutex);
  auto& store = what == For::looking ? one.reader : one.writer;
  if (store == nullptr) {
    auto url = one.url;
    if (what == For::looking && url.starts_with("sqlite:") && !url.ends_with(reading)) url += reading;
    auto opened = open_store(url, {.connections = 2, .must_exist = true, .log = &stderr_log(LogLevel::warning)});
    if (!opened) return opened.error();
    store = std::move(*opened);
  }
  return store.get();
}

Result<> Databases::each(std::string_view what, For purpose, const Check& check, const Visit& visit) {
  if (all_.empty())
    return Error{"no_store", "start it with --store URL, of a service's database, to see " + std::string(what)};
  for (auto& one : all_) {
    const auto store = open(one, purpose);
    if (!store) return store.error();
    if (const auto there = check(**store); !there) {
      if (is_none(there.error())) continue;
      return there.error();
    }
    const auto then = visit(redacted(one.url), **store);
    if (!then) return then.error();
    if (*then == Then::end) break;
  }
  return {};
}

Result<std::string> Databases::inbox() {
  std::vector<std::string> stores;
  std::optional<inbox::InboxStatus> status;
  const auto looked = each(
      "an inbox", For::looking,
      [&](Store& store) -> Result<> {
        auto found = inbox::status(store);
        if (!found) return found.error();
        status = *found;
        return {};
      },
      [&](const std::string& name, Store&) -> Result<Then> {
        stores.push_back(JsonLine()
                             .add("store", name)
                             .add("marks", status->marks)
                             .flag("exact", status->is_exact)
                             .add("consumers", status->consumers)
                             .text_or_null("oldest", status->oldest ? to_rfc3339(*status->oldest) : "")
                             .str());
        return Then::go_on;
      });
  if (!looked) return looked.error();
  return JsonLine().raw("stores", json_array(stores)).str();
}

Result<std::optional<TimePoint>> Databases::marked_at(const std::string& group, const std::string& topic,
                                                      std::string_view id, std::string_view source) {
  Error unknown;
  std::optional<TimePoint> marked;
  const auto looked = each(
      "what a group has marked", For::looking, [](Store&) -> Result<> { return {}; },
      [&](const std::string&, Store& store) -> Result<Then> {
        auto found = inbox::Inbox::find(store, group, topic);
        if (!found && found.error().code == "unknown_inbox") {
          unknown = found.error();
          return Then::go_on;
        }
        if (!found) return found.error();
        auto tx = store.begin(turn_wait);
        if (!tx) return tx.error();
        auto at = found->marked_at(**tx, {.message_id = id, .source = source});
        if (!at) return at.error();
        unknown = {};
        marked = *at;
        return Then::end;
      });
  if (!looked) return looked.error();
  if (!unknown.code.empty()) return unknown;
  return marked;
}

}  // namespace tidings::cli
