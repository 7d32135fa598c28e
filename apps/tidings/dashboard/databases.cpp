#include "dashboard/databases.hpp"

#include <algorithm>
#include <map>

#include "dashboard/event_json.hpp"
#include "saga_json.hpp"
#include "tidings/base/redact.hpp"
#include "tidings/base/text.hpp"
#include "tidings/inbox/inbox.hpp"
#include "tidings/outbox/relay.hpp"
#include "tidings/outbox/schema.hpp"
#include "tidings/saga/schema.hpp"
#include "tidings/stores/open.hpp"

namespace tidings::cli {
namespace {

constexpr auto turn_wait = std::chrono::seconds{5};
constexpr std::size_t held_max = 500;
constexpr std::size_t counted_max = 20'000;  // sagas
constexpr Duration count_every = std::chrono::seconds{10};
constexpr std::size_t types_counted_max = 100;
constexpr std::string_view reading = "?mode=ro";  // of SQLite, where each transaction would take the writer's turn

Error no_store(std::string_view what) {
  return {"no_store", "start it with --store URL, of a service's database, to see " + std::string(what)};
}

std::string held_json(const outbox::ParkedKey& held) {
  return JsonLine()
      .add("topic", well_formed(held.key.topic))
      .add("key", well_formed(held.key.key))
      .raw("row", held.key.row == 0 ? "null" : std::to_string(held.key.row))
      .add("events", held.events)
      .add("code", well_formed(held.code))
      .add("error", well_formed(held.error))
      .add("attempts", static_cast<std::uint64_t>(std::max(held.attempts, 0)))
      .flag("parked", held.is_parked)
      .add("since", to_rfc3339(held.since))
      .str();
}

std::string line_json(const saga::Instance& one) {
  return JsonLine()
      .add("type", well_formed(one.type))
      .add("id", well_formed(one.id))
      .raw("version", std::to_string(one.definition))
      .add("status", status_of(one))
      .add("step", open_steps(one))
      .add("waits", well_formed(stands_at(one)))
      .add("changed", to_rfc3339(one.updated_at))
      .text_or_null("unreadable", well_formed(one.unreadable))
      .str();
}

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

Result<std::string> Databases::outbox() {
  if (all_.empty()) return no_store("an outbox");
  std::uint64_t waiting = 0;
  std::optional<Duration> oldest;
  std::vector<std::string> held, owners;
  bool is_exact = true, any_late = false;
  for (auto& one : all_) {
    const auto store = open(one);
    if (!store) return store.error();
    if (const auto there = outbox::check_schema(**store); !there) {
      if (is_none(there.error())) continue;
      return there.error();
    }
    const auto status = outbox::status(**store);
    if (!status) return status.error();
    const auto keys = outbox::held_keys(**store, held_max);
    if (!keys) return keys.error();
    waiting += status->backlog;
    is_exact = is_exact && status->backlog_is_exact;
    if (status->oldest) oldest = std::max(oldest.value_or(Duration{}), *status->oldest);
    for (const auto& key : *keys) held.push_back(held_json(key));
    for (const auto& holder : status->holders) {
      any_late = any_late || holder.is_late;
      if (!holder.is_late) owners.push_back(holder.name);
    }
  }
  std::string owner;
  for (const auto& name : owners) owner += (owner.empty() ? "" : ", ") + well_formed(name);
  return JsonLine()
      .add("store", names())
      .add("waiting", waiting)
      .flag("exact", is_exact)
      .raw("oldest_age", oldest ? json_real(std::chrono::duration<double>(*oldest).count()) : "null")
      .raw("held", json_array(held))
      .raw("relay", JsonLine().text_or_null("owner", owner).flag("late", any_late).str())
      .str();
}

Result<std::uint64_t> Databases::drive_outbox(const outbox::HeldKey& key, bool drops) {
  if (all_.empty()) return no_store("an outbox");
  for (auto& one : all_) {
    const auto store = open(one, For::acting);
    if (!store) return store.error();
    if (const auto there = outbox::check_schema(**store); !there) {
      if (is_none(there.error())) continue;
      return there.error();
    }
    if (drops) {
      auto dropped = outbox::drop(**store, key);
      if (dropped || dropped.error().code != "unknown_key") return dropped;
      continue;
    }
    std::uint64_t events = 0;
    if (const auto held = outbox::held_keys(**store, held_max))
      for (const auto& known : *held)
        if (known.key == key) events = known.events;
    auto driven = outbox::redrive(**store, key);
    if (driven) return events;
    if (driven.error().code != "unknown_key") return driven.error();
  }
  return Error{"unknown_key", "this key is not held any more: it may have been published meanwhile"};
}

Result<std::string> Databases::inbox() {
  if (all_.empty()) return no_store("an inbox");
  inbox::InboxStatus sum;
  for (auto& one : all_) {
    const auto store = open(one);
    if (!store) return store.error();
    const auto status = inbox::status(**store);
    if (!status && is_none(status.error())) continue;
    if (!status) return status.error();
    sum.marks += status->marks;
    sum.consumers += status->consumers;
    sum.is_exact = sum.is_exact && status->is_exact;
    if (status->oldest) sum.oldest = std::min(sum.oldest.value_or(TimePoint::max()), *status->oldest);
  }
  return JsonLine()
      .add("rows", sum.marks)
      .flag("exact", sum.is_exact)
      .add("consumers", sum.consumers)
      .text_or_null("oldest", sum.oldest ? to_rfc3339(*sum.oldest) : "")
      .str();
}

Result<std::string> Databases::sagas(const saga::ListFilter& filter) {
  if (all_.empty()) return no_store("sagas");
  std::vector<saga::Instance> page;
  std::map<std::pair<std::string, std::string>, std::uint64_t> counts;
  bool has_more = false;
  const auto now = system_clock().steady_now();
  Counted counted_of;
  {
    const std::scoped_lock lock(counted_mutex_);
    if (counted_.size() > types_counted_max) counted_.clear();
    counted_of = counted_[filter.type];
  }
  const bool is_counted_lately = counted_of.at != SteadyTime{} && now - counted_of.at < count_every;
  for (auto& one : all_) {
    const auto store = open(one);
    if (!store) return store.error();
    if (const auto there = saga::check_schema(**store); !there) {
      if (is_none(there.error())) continue;
      return there.error();
    }
    auto some = saga::list(**store, filter);
    if (!some) return some.error();
    has_more = has_more || some->size() == filter.limit;
    std::ranges::move(*some, std::back_inserter(page));
    if (is_counted_lately) continue;
    // Counted in pages: there is no other way from outside.
    saga::ListFilter all{.type = filter.type, .status = {}, .after_type = {}, .after_id = {}, .limit = 1'000};
    for (std::size_t counted = 0; counted < counted_max;) {
      const auto next = saga::list(**store, all);
      if (!next) return next.error();
      for (const auto& instance : *next) ++counts[{instance.type, std::string(status_of(instance))}];
      counted += next->size();
      if (next->size() < all.limit) break;
      all.after_type = next->back().type;
      all.after_id = next->back().id;
    }
  }
  std::ranges::sort(page, {}, [](const saga::Instance& one) { return std::pair(one.type, one.id); });
  if (page.size() > filter.limit) page.resize(filter.limit);
  std::vector<std::string> lines, sums;
  for (const auto& one : page) lines.push_back(line_json(one));
  if (!is_counted_lately) {
    counted_of = {.at = now, .counts = std::move(counts)};
    const std::scoped_lock lock(counted_mutex_);
    counted_[filter.type] = counted_of;
  }
  for (const auto& [which, n] : counted_of.counts)
    sums.push_back(JsonLine().add("type", well_formed(which.first)).add("status", which.second).add("n", n).str());
  return JsonLine()
      .raw("sagas", json_array(lines))
      .raw("counts", json_array(sums))
      .raw("next", has_more && !page.empty() ? JsonLine()
                                                   .add("after_type", well_formed(page.back().type))
                                                   .add("after_id", well_formed(page.back().id))
                                                   .str()
                                             : "null")
      .str();
}

Result<std::string> Databases::saga(const std::string& type, const std::string& id) {
  if (all_.empty()) return no_store("sagas");
  for (auto& one : all_) {
    const auto store = open(one);
    if (!store) return store.error();
    if (const auto there = saga::check_schema(**store); !there) {
      if (is_none(there.error())) continue;
      return there.error();
    }
    const auto shown = saga::show(**store, type, id);
    if (!shown) return shown.error();
    if (!*shown) continue;
    std::vector<std::string> history, waits;
    for (const auto& note : (*shown)->history)
      history.push_back(JsonLine()
                            .add("time", to_rfc3339(note.time))
                            .add("step", well_formed(note.step))
                            .add("what", well_formed(note.what))
                            .add("event", well_formed(note.cause_id))
                            .add("event_type", well_formed(note.cause_type))
                            .add("text", well_formed(note.text))
                            .str());
    for (const auto& wait : (*shown)->waits)
      waits.push_back(JsonLine()
                          .add("step", well_formed(wait.step))
                          .add("kind", well_formed(wait.kind))
                          .add("due", to_rfc3339(wait.due))
                          .add("attempts", static_cast<std::uint64_t>(std::max(wait.attempts, 0)))
                          .str());
    return JsonLine()
        .raw("instance", saga_json((*shown)->instance, false).str())
        .raw("state", json_on_a_line(shown_state((*shown)->instance, false)))
        .raw("history", json_array(history))
        .raw("waits", json_array(waits))
        .str();
  }
  return Error{"unknown_saga", "there is no saga " + printable(type) + " '" + printable(id) + "'"};
}

Result<> Databases::steer(const std::string& type, const std::string& id, saga::Steering steering) {
  if (all_.empty()) return no_store("sagas");
  for (auto& one : all_) {
    const auto store = open(one, For::acting);
    if (!store) return store.error();
    if (const auto there = saga::check_schema(**store); !there) {
      if (is_none(there.error())) continue;
      return there.error();
    }
    auto asked = saga::request(**store, type, id, steering);
    if (asked || asked.error().code != "unknown_saga") return asked;
  }
  return Error{"unknown_saga", "there is no saga " + printable(type) + " '" + printable(id) + "'"};
}

Result<std::optional<TimePoint>> Databases::marked_at(const std::string& group, const std::string& topic,
                                                      std::string_view id, std::string_view source) {
  Error unknown = no_store("what a group has marked");
  for (auto& one : all_) {
    const auto store = open(one);
    if (!store) return store.error();
    auto found = inbox::Inbox::find(**store, group, topic);
    if (!found) {
      unknown = found.error();
      if (unknown.code != "unknown_inbox") return unknown;
      continue;
    }
    auto tx = (*store)->begin(turn_wait);
    if (!tx) return tx.error();
    return found->marked_at(**tx, {.message_id = id, .source = source});
  }
  return unknown;
}

Result<std::vector<outbox::OutboxEvent>> Databases::outbox_events(std::string_view id) {
  std::vector<outbox::OutboxEvent> all;
  for (auto& one : all_) {
    const auto store = open(one);
    if (!store) return store.error();
    if (const auto there = outbox::check_schema(**store); !there) {
      if (is_none(there.error())) continue;
      return there.error();
    }
    auto found = outbox::find_events(**store, id);
    if (!found) return found.error();
    std::ranges::move(*found, std::back_inserter(all));
  }
  return all;
}

}  // namespace tidings::cli
