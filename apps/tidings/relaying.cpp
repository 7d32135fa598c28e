#include <cmath>

#include "commands.hpp"
#include "interrupt.hpp"
#include "json_line.hpp"
#include "letters_meant.hpp"
#include "outbox_store.hpp"
#include "output.hpp"
#include "tidings/base/text.hpp"
#include "tidings/outbox/relay.hpp"

// `tidings outbox relay`.
namespace tidings::cli {
namespace {

using Steady = std::chrono::steady_clock;
using State = outbox::RelayStatus::State;

constexpr auto tell_every = std::chrono::seconds{10};
constexpr auto tick = std::chrono::milliseconds{100};

std::string json_name(State state) {
  switch (state) {
    case State::running:
      return "running";
    case State::waits_for_database:
      return "waits_for_database";
    case State::waits_for_broker:
      return "waits_for_broker";
    case State::waits_for_other_place:
      return "waits_for_other_place";
    case State::stopped:
      return "stopped";
  }
  return "?";
}

void tell(const Common& common, const outbox::RelayStatus& status) {
  if (common.json) {
    (void)print(harmless_json(JsonLine()
                                  .add("relay", status.name)
                                  .add("state", json_name(status.state))
                                  .add("trouble", status.trouble ? to_string(*status.trouble) : "")
                                  .add("parts", status.parts.size())
                                  .add("sent", status.sent)
                                  .add("duplicates", status.duplicates)
                                  .add("failed", status.failed)
                                  .add("sent_per_second", static_cast<std::uint64_t>(status.sent_per_second))
                                  .str()) +
                "\n");
    return;
  }
  auto line = how_many(status.sent, "event") + " published";
  if (status.failed > 0) line += ", " + how_many(status.failed, "attempt") + " refused";
  if (status.state != State::stopped)
    line += ", " + std::to_string(std::llround(status.sent_per_second)) + " a second; has " +
            how_many(status.parts.size(), "part");
  if (status.trouble)
    line += "; " + std::string(to_string(status.state)) + ": " + printable(to_string(*status.trouble));
  (void)print(line + "\n");
}

/// Held keys do not count before their time: who relays for good tries them again.
Result<bool> is_empty(OutboxStore& in) {
  auto status = outbox::status(*in.store, in.tables);
  if (status) return status->backlog == 0 && status->due_keys == 0;
  if (status.error().retry == Retry::never) return status.error();
  return false;  // the relay tells what it waits for
}

int watch(const Common& common, const OutboxArguments& arguments, OutboxStore& in, outbox::Relay& relay) {
  auto told = Steady::now();
  auto state = State::running;
  while (true) {
    if (!arguments.follow) {
      auto empty = is_empty(in);
      if (!empty) return fail(empty.error());
      if (*empty) return done;
    }
    if (await(-1, 0, tick) == Awaited::interrupted) return done;
    const auto status = relay.status();
    if (const auto now = Steady::now(); status.state != state || now - told >= tell_every) {
      told = now;
      state = status.state;
      tell(common, status);
    }
  }
}

}  // namespace

int outbox_relay(const Common& common, const OutboxArguments& arguments) {
  if (auto valid = check_names(common, ""); !valid) return fail(valid.error());
  if (auto fine = check_broker(common.broker); !fine) return fail(fine.error());
  outbox::RelayOptions options{.name_space = common.name_space,
                               .place = broker_place(common.broker),
                               .listens = arguments.notify,
                               .attempts_max = arguments.attempts_max};
  if (!arguments.archive_for.empty()) {
    auto time = parse_duration(arguments.archive_for);
    if (!time) return fail(time.error());
    options.archive_for = *time;
  }
  catch_signals();
  auto opened = open_outbox(arguments);
  if (!opened) return fail(opened.error());
  options.tables = opened->tables;
  // What leaves the outbox must not go into a log that nobody meant.
  auto broker = open(common, common.broker != Common{}.broker);
  if (!broker) return fail(broker.error());
  auto relay = outbox::Relay::start(*opened->store, **broker, std::move(options));
  if (!relay) return fail(relay.error());
  const auto status = watch(common, arguments, *opened, **relay);
  (*relay)->stop();
  tell(common, (*relay)->status());
  return status_after_signals(status);
}

}  // namespace tidings::cli
