#include <cmath>

#include "commands.hpp"
#include "interrupt.hpp"
#include "json_line.hpp"
#include "letters_meant.hpp"
#include "outbox_store.hpp"
#include "output.hpp"
#include "tidings/base/text.hpp"
#include "tidings/outbox/relay.hpp"

// `tidings outbox status`.
namespace tidings::cli {
namespace {

using Steady = std::chrono::steady_clock;

constexpr auto look_again_after = std::chrono::seconds{1};

/// Nobody wants the milliseconds of hours.
std::string age(Duration time) {
  using namespace std::chrono;
  if (time >= hours{10}) return to_text(floor<hours>(time));
  if (time >= minutes{10}) return to_text(floor<minutes>(time));
  return to_text(time >= seconds{1} ? Duration(floor<seconds>(time)) : floor<milliseconds>(time));
}

/// `0-3, 7`.
std::string numbers(const std::vector<std::uint32_t>& parts) {
  std::string out;
  for (std::size_t at = 0; at < parts.size(); ++at) {
    const auto first = at;
    while (at + 1 < parts.size() && parts[at + 1] == parts[at] + 1) ++at;
    out += (out.empty() ? "" : ", ") + std::to_string(parts[first]);
    if (at > first) out += "-" + std::to_string(parts[at]);
  }
  return out;
}

std::string json_numbers(const std::vector<std::uint32_t>& parts) {
  std::vector<std::string> elements;
  elements.reserve(parts.size());
  for (const auto part : parts) elements.push_back(std::to_string(part));
  return json_array(elements);
}

std::string to_json(const outbox::OutboxStatus& status, std::optional<std::int64_t> change) {
  std::vector<std::string> holders;
  for (const auto& [name, parts, is_late] : status.holders)
    holders.push_back(
        JsonLine().add("relay", name).raw("parts", json_numbers(parts)).raw("late", is_late ? "true" : "false").str());
  JsonLine line;
  line.add("backlog", status.backlog).raw("exact", status.backlog_is_exact ? "true" : "false");
  const auto oldest = status.oldest ? std::chrono::duration<double>(*status.oldest).count() : 0;
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.3f", oldest);
  line.raw("oldest_seconds", status.oldest ? seconds : "null")
      .add("retried_keys", status.retried_keys)
      .add("parked_keys", status.parked_keys)
      .raw("relays", json_array(holders))
      .raw("free_parts", json_numbers(status.free_parts));
  if (change) line.raw("change_per_second", std::to_string(*change));
  return harmless_json(line.str()) + "\n";
}

std::string to_lines(const outbox::OutboxStatus& status, std::optional<std::int64_t> change) {
  auto out = (status.backlog_is_exact ? "" : "about ") + how_many(status.backlog, "event") +
             (status.backlog == 1 ? " waits" : " wait");
  if (status.oldest) out += ", the oldest for " + age(*status.oldest);
  if (change && *change != 0)
    out += std::string(*change < 0 ? "; fewer" : "; more") + " by " + std::to_string(std::abs(*change)) + " a second";
  else if (change)
    out += "; no more and no fewer than a second ago";
  out += "\n" + how_many(status.retried_keys, "key") + (status.retried_keys == 1 ? " is" : " are") + " tried again, " +
         std::to_string(status.parked_keys) + (status.parked_keys == 1 ? " is" : " are") + " parked\n";
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, parts, is_late] : status.holders)
    rows.push_back({printable(name), std::to_string(parts.size()), is_late ? "over" : "holds", numbers(parts)});
  if (!status.free_parts.empty())
    rows.push_back({"(nobody)", std::to_string(status.free_parts.size()), "free", numbers(status.free_parts)});
  return out + table({"relay", ">parts", "lease", "which"}, rows);
}

}  // namespace

int outbox_status(const Common& common, const OutboxArguments& arguments) {
  catch_signals();
  auto opened = open_outbox(arguments);
  if (!opened) return fail(opened.error());
  auto status = outbox::status(*opened->store, opened->tables);
  if (!status) return fail(status.error());
  std::optional<std::int64_t> change;
  if (arguments.rate) {
    const auto before = status->backlog;
    const auto since = Steady::now();
    if (await(-1, 0, look_again_after) == Awaited::interrupted) return status_after_signals(done);
    status = outbox::status(*opened->store, opened->tables);
    if (!status) return fail(status.error());
    const auto seconds = std::chrono::duration<double>(Steady::now() - since).count();
    change = std::llround((static_cast<double>(status->backlog) - static_cast<double>(before)) / seconds);
  }
  return print(common.json ? to_json(*status, change) : to_lines(*status, change));
}

}  // namespace tidings::cli
