#include <algorithm>

#include "dashboard/databases.hpp"
#include "dashboard/event_json.hpp"
#include "saga_json.hpp"
#include "tidings/base/text.hpp"
#include "tidings/saga/schema.hpp"

// What the databases say of their sagas.
namespace tidings::cli {
namespace {

constexpr std::size_t counted_max = 10'000;  // of each type and status
constexpr Duration count_every = std::chrono::seconds{10};

Result<> has_sagas(Store& store) {
  return saga::check_schema(store);
}

Error unknown_saga(const std::string& type, const std::string& id) {
  return {"unknown_saga", "there is no saga " + printable(type) + " '" + printable(id) + "'"};
}

std::string line_json(const saga::Instance& one, const std::string& store) {
  return JsonLine()
      .add("store", store)
      .add("type", one.type)
      .add("id", one.id)
      .raw("version", std::to_string(one.definition))
      .add("status", status_of(one))
      .add("step", open_steps(one))
      .add("waits", stands_at(one))
      .add("changed", to_rfc3339(one.updated_at))
      .text_or_null("unreadable", one.unreadable)
      .str();
}

}  // namespace

Result<std::string> Databases::sagas(const saga::ListFilter& filter) {
  struct Found {
    saga::Instance instance;
    std::string store;
  };
  std::vector<Found> page;
  bool has_more = false;
  const auto looked = each("sagas", For::looking, has_sagas, [&](const auto& name, Store& store) -> Result<Then> {
    auto some = saga::list(store, filter);
    if (!some) return some.error();
    has_more = has_more || some->size() == filter.limit;
    for (auto& one : *some) page.push_back({.instance = std::move(one), .store = name});
    return Then::go_on;
  });
  if (!looked) return looked.error();
  auto counts = saga_counts();
  if (!counts) return counts;
  std::ranges::stable_sort(page, {}, [](const Found& one) { return std::tie(one.instance.type, one.instance.id); });
  has_more = has_more || page.size() > filter.limit;
  if (page.size() > filter.limit) page.resize(filter.limit);
  std::vector<std::string> lines;
  for (const auto& one : page) lines.push_back(line_json(one.instance, one.store));
  return JsonLine()
      .raw("sagas", json_array(lines))
      .raw("counts", *counts)
      .raw("next",
           has_more && !page.empty()
               ? JsonLine().add("after_type", page.back().instance.type).add("after_id", page.back().instance.id).str()
               : "null")
      .str();
}

Result<std::string> Databases::saga_counts() {
  const auto now = system_clock().steady_now();
  {
    const std::scoped_lock lock(counted_mutex_);
    if (counted_.at != SteadyTime{} && now - counted_.at < count_every) return counted_.json;
  }
  std::vector<std::string> counts;
  const auto looked = each("sagas", For::looking, has_sagas, [&](const auto& name, Store& store) -> Result<Then> {
    const auto types = saga::types(store);
    if (!types) return types.error();
    const auto found = saga::count(store, *types, counted_max);
    if (!found) return found.error();
    for (const auto& one : *found)
      if (one.count > 0)
        counts.push_back(JsonLine()
                             .add("store", name)
                             .add("type", one.type)
                             .add("status", saga::name_of(one.status))
                             .add("n", one.count)
                             .flag("exact", one.count < counted_max)
                             .str());
    return Then::go_on;
  });
  if (!looked) return looked.error();
  const std::scoped_lock lock(counted_mutex_);
  counted_ = {.at = now, .json = json_array(counts)};
  return counted_.json;
}

Result<std::string> Databases::saga(const std::string& type, const std::string& id) {
  std::optional<saga::Shown> shown;
  std::string store_name;
  const auto looked = each("sagas", For::looking, has_sagas, [&](const auto& name, Store& store) -> Result<Then> {
    auto found = saga::show(store, type, id);
    if (!found) return found.error();
    if (!*found) return Then::go_on;
    shown = std::move(**found);
    store_name = name;
    return Then::end;
  });
  if (!looked) return looked.error();
  if (!shown) return unknown_saga(type, id);
  std::vector<std::string> history, waits;
  for (const auto& note : shown->history)
    history.push_back(JsonLine()
                          .add("time", to_rfc3339(note.time))
                          .add("step", note.step)
                          .add("what", note.what)
                          .add("event", note.cause_id)
                          .add("event_type", note.cause_type)
                          .add("text", note.text)
                          .str());
  for (const auto& wait : shown->waits)
    waits.push_back(JsonLine()
                        .add("step", wait.step)
                        .add("kind", wait.kind)
                        .add("due", to_rfc3339(wait.due))
                        .add("attempts", static_cast<std::uint64_t>(std::max(wait.attempts, 0)))
                        .str());
  return JsonLine()
      .add("store", store_name)
      .raw("instance", saga_json(shown->instance, false).str())
      .raw("state", json_on_a_line(shown_state(shown->instance, false)))
      .raw("history", json_array(history))
      .raw("waits", json_array(waits))
      .str();
}

Result<> Databases::steer(const std::string& type, const std::string& id, saga::Steering steering) {
  bool is_asked = false;
  const auto looked = each("sagas", For::acting, has_sagas, [&](const auto&, Store& store) -> Result<Then> {
    auto asked = saga::request(store, type, id, steering);
    if (!asked && asked.error().code == "unknown_saga") return Then::go_on;
    if (!asked) return asked.error();
    is_asked = true;
    return Then::end;
  });
  if (!looked) return looked;
  if (!is_asked) return unknown_saga(type, id);
  return {};
}

}  // namespace tidings::cli
