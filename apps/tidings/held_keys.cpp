#include <algorithm>

#include "commands.hpp"
#include "json_line.hpp"
#include "letters_meant.hpp"
#include "outbox_store.hpp"
#include "output.hpp"
#include "tidings/base/text.hpp"
#include "tidings/outbox/parked.hpp"
#include "tidings/outbox/relay.hpp"

// Keys of an outbox that are held, and what is done with them: `tidings outbox list`, `redrive` and `drop`.
namespace tidings::cli {
namespace {

/// As many are looked at.
constexpr std::size_t keys_max = 100'000;

using Keys = std::vector<outbox::ParkedKey>;

bool says_which(const OutboxArguments& arguments) {
  return !arguments.topic.empty() || arguments.key || arguments.row || !arguments.code.empty();
}

/// Whether the options name one key.
bool is_one(const OutboxArguments& arguments) {
  return !arguments.topic.empty() && (arguments.key || arguments.row);
}

bool is_meant(const OutboxArguments& arguments, const outbox::ParkedKey& held) {
  return (arguments.topic.empty() || held.key.topic == arguments.topic) &&
         (!arguments.key || (held.key.key == *arguments.key && held.key.row == 0)) &&
         (!arguments.row || held.key.row == *arguments.row) && (arguments.code.empty() || held.code == arguments.code);
}

Result<Keys> held_keys(OutboxStore& in, const OutboxArguments& arguments) {
  auto keys = outbox::held_keys(*in.store, keys_max, in.tables);
  if (!keys) return keys;
  if (keys->size() == keys_max)
    complain("more keys are held than are looked at; only " + std::to_string(keys_max) + " are, the parked ones first");
  std::erase_if(*keys, [&](const outbox::ParkedKey& one) { return !is_meant(arguments, one); });
  return keys;
}

std::uint64_t events_of(const Keys& keys) {
  std::uint64_t events = 0;
  for (const auto& one : keys) events += one.events;
  return events;
}

std::string to_json(const outbox::ParkedKey& held) {
  std::string since = "\"" + to_rfc3339(held.since) + "\"";
  return harmless_json(JsonLine()
                           .add("topic", held.key.topic)
                           .add("key", held.key.key)
                           .raw("row", held.key.row == 0 ? "null" : std::to_string(held.key.row))
                           .add("id", held.first_id)
                           .add("events", held.events)
                           .add("code", held.code)
                           .add("reason", held.error)
                           .add("attempts", static_cast<std::uint64_t>(std::max(held.attempts, 0)))
                           .raw("parked", held.is_parked ? since : "null")
                           .raw("tried_again", held.is_parked ? "null" : since)
                           .str()) +
         "\n";
}

std::vector<std::string> to_cells(const outbox::ParkedKey& held) {
  const auto since = to_rfc3339(std::chrono::floor<std::chrono::seconds>(held.since));
  return {printable(held.key.topic),
          held.key.row == 0 ? printable(held.key.key) : "(row " + std::to_string(held.key.row) + ")",
          std::to_string(held.events),
          printable(held.code),
          std::to_string(held.attempts),
          (held.is_parked ? "parked " : "tried again ") + since,
          printable(held.error)};
}

void tell_nothing(const OutboxArguments& arguments, const char* what) {
  complain(std::string(what) + (says_which(arguments) ? " of what is asked for" : ""));
}

class Driving {
 public:
  Driving(const Common& common, const OutboxArguments& arguments, bool drops)
      : common_(common), arguments_(arguments), drops_(drops) {}

  int run() {
    if (!says_which(arguments_) && !arguments_.all) {
      complain("say which, by --topic, --key, --row or --reason, or --all" +
               std::string(drops_ ? ": nothing brings back what is dropped" : ""));
      return wrong_usage;
    }
    auto opened = open_outbox(arguments_);
    if (!opened) return fail(opened.error());
    auto keys = held_keys(*opened, arguments_);
    if (!keys) return fail(keys.error());
    // By and by the others may get on without anybody.
    if (!is_one(arguments_)) std::erase_if(*keys, [](const outbox::ParkedKey& one) { return !one.is_parked; });
    if (keys->empty()) {
      tell_nothing(arguments_, is_one(arguments_) ? "nothing is held" : "nothing is parked");
      return tell("nothing", 0, 0);
    }
    if (arguments_.dry_run) return tell("dry_run", events_of(*keys), keys->size());
    if (drops_ && !arguments_.yes)
      return fail({"not_confirmed", what(events_of(*keys), keys->size()) +
                                        " would be dropped, and nothing brings them back; add --yes to drop them"});
    return drive(*opened, *keys);
  }

 private:
  int drive(OutboxStore& in, const Keys& keys) const {
    std::uint64_t events = 0, driven = 0;
    if (!drops_ && !says_which(arguments_)) {  // in one transaction
      auto done = outbox::redrive_all(*in.store, in.tables);
      return done ? end(in, events_of(keys), *done) : fail(done.error());
    }
    for (const auto& one : keys) {
      if (drops_) {
        auto dropped = outbox::drop(*in.store, one.key, in.tables);
        if (!dropped && dropped.error().code == "unknown_key") continue;  // gone since we looked
        if (!dropped) return stop(dropped.error(), events, driven);
        events += *dropped;
      } else {
        auto done = outbox::redrive(*in.store, one.key, in.tables);
        if (!done && done.error().code == "unknown_key") continue;
        if (!done) return stop(done.error(), events, driven);
        events += one.events;
      }
      ++driven;
    }
    return end(in, events, driven);
  }

  int end(OutboxStore& in, std::uint64_t events, std::uint64_t keys) const {
    const auto printed = tell("done", events, keys);
    if (!drops_)
      if (auto status = outbox::status(*in.store, in.tables); status && !is_anybody_there(*status))
        complain("no relay runs; they are published when one starts");
    return printed;
  }

  static bool is_anybody_there(const outbox::OutboxStatus& status) {
    return std::ranges::any_of(status.holders, [](const auto& holder) { return !holder.is_late; });
  }

  int stop(const Error& error, std::uint64_t events, std::uint64_t keys) const {
    (void)tell("begun", events, keys);
    return fail(error);
  }

  static std::string what(std::uint64_t events, std::uint64_t keys) {
    return how_many(events, "event") + " of " + how_many(keys, "key");
  }

  [[nodiscard]] int tell(const std::string& state, std::uint64_t events, std::uint64_t keys) const {
    if (common_.json)
      return print(JsonLine()
                       .add("action", drops_ ? "drop" : "redrive")
                       .add("state", state)
                       .add("events", events)
                       .add("keys", keys)
                       .str() +
                   "\n");
    if (state == "nothing") return done;
    if (state == "dry_run") return print((drops_ ? "would drop " : "would redrive ") + what(events, keys) + "\n");
    return print(what(events, keys) + (drops_ ? " dropped\n" : " redriven\n"));
  }

  const Common& common_;
  const OutboxArguments& arguments_;
  const bool drops_;
};

}  // namespace

int outbox_list(const Common& common, const OutboxArguments& arguments) {
  auto opened = open_outbox(arguments);
  if (!opened) return fail(opened.error());
  auto keys = held_keys(*opened, arguments);
  if (!keys) return fail(keys.error());
  std::string out;
  if (common.json) {
    for (const auto& one : *keys) out += to_json(one);
  } else if (!keys->empty()) {
    std::vector<std::vector<std::string>> cells;
    std::ranges::transform(*keys, std::back_inserter(cells), to_cells);
    const auto parked = static_cast<std::uint64_t>(std::ranges::count(*keys, true, &outbox::ParkedKey::is_parked));
    out = table({"topic", "key", ">events", "code", ">attempts", "state", "reason"}, cells) +
          how_many(events_of(*keys), "event") + " of " + how_many(keys->size(), "key") + " held, " +
          std::to_string(parked) + " of them parked\n";
  } else {
    tell_nothing(arguments, "nothing is held");
  }
  return print(out);
}

int outbox_redrive(const Common& common, const OutboxArguments& arguments) {
  return Driving(common, arguments, false).run();
}

int outbox_drop(const Common& common, const OutboxArguments& arguments) {
  return Driving(common, arguments, true).run();
}

}  // namespace tidings::cli
