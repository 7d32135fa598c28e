#include "service/knob.hpp"

#include <algorithm>
#include <charconv>

#include "tidings/base/strings.hpp"
#include "tidings/base/text.hpp"
#include "tidings/base/time.hpp"
#include "tidings/broker/types.hpp"

namespace tidings::service {

std::span<const Knob> own_knobs() {
  using Kind = Knob::Kind;
  static const std::vector<Knob> knobs{
      {.path = "broker", .kind = Kind::text, .fallback = "log:./tidings-data", .help = "what carries events: a URL"},
      {.path = "store",
       .kind = Kind::text,
       .fallback = "",
       .help = "the database of handlers that take a transaction: a URL, as sqlite:./shop.db"},
      {.path = "outbox.relay",
       .kind = Kind::boolean,
       .fallback = "true",
       .help = "publish what stands in the store's outbox; false: others do, as tidings outbox relay"},
      {.path = "outbox.notify",
       .kind = Kind::boolean,
       .fallback = "false",
       .help = "PostgreSQL tells relays of other processes of each commit, which costs it a lock"},
      {.path = "outbox.lease",
       .kind = Kind::duration,
       .fallback = "10s",
       .help = "so long others wait before they publish in place of a relay that died",
       .least = 1,
       .most = 3600},
      {.path = "inbox.window",
       .kind = Kind::duration,
       .fallback = "168h",
       .help = "so long the store remembers what was handled",
       .least = 60,
       .most = 315'360'000},
      {.path = "sagas.keep",
       .kind = Kind::duration,
       .fallback = "720h",
       .help = "so long sagas are kept once they are over, after which this service removes them; 0s: for ever",
       .most = 315'360'000},
      {.path = "sagas.keep_commands",
       .kind = Kind::duration,
       .fallback = "8760h",
       .help =
           "so long a participant knows which commands of sagas it has carried out, longer than the longest saga; 0s: "
           "for ever",
       .most = 315'360'000},
      {.path = "sagas.alerts",
       .kind = Kind::boolean,
       .fallback = "true",
       .help = "publish tidings.saga-stuck when a saga waits for a person"},
      {.path = "namespace", .kind = Kind::name, .fallback = "", .help = "stands before topics and groups"},
      {.path = "lanes",
       .kind = Kind::whole,
       .fallback = "",
       .help = "workers of each handler, instead of what the program says",
       .least = 1,
       .most = 256},
      {.path = "drain",
       .kind = Kind::duration,
       .fallback = "30s",
       .help = "how long a stopping service waits for what runs",
       .most = 3600},
      {.path = "create_topics", .kind = Kind::boolean, .fallback = "true", .help = "create topics that are not there"},
      {.path = "instance",
       .kind = Kind::name,
       .fallback = "",
       .help =
           "this process among those of the service: its handlers that take every event in each remember where they "
           "were by it"},
      {.path = "schedule.broker",
       .kind = Kind::text,
       .fallback = "",
       .help = "where events wait that are to be published later, as log:./schedule; none: at the broker, if it can"},
      {.path = "audit.every",
       .kind = Kind::duration,
       .fallback = "30s",
       .help = "how often it is looked whether everything that was published is accounted for",
       .least = 1,
       .most = 86'400},
      {.path = "http.listen",
       .kind = Kind::text,
       .fallback = "",
       .help = "where /healthz, /readyz and /metrics are answered, HOST:PORT, as 127.0.0.1:9464; none: nowhere"},
      {.path = "metrics.measure",
       .kind = Kind::boolean,
       .fallback = "true",
       .help = "time what is published and handled"},
      {.path = "metrics.every",
       .kind = Kind::duration,
       .fallback = "5s",
       .help = "how often broker and store are asked for what metrics and health tell of them",
       .least = 1,
       .most = 3600},
      {.path = "claim_check.folder",
       .kind = Kind::text,
       .fallback = "",
       .help = "where large payloads wait, shared by all services; none: they travel with their events"},
      {.path = "claim_check.create",
       .kind = Kind::boolean,
       .fallback = "false",
       .help = "make that folder, if it is not there; else one that is not mounted is told of, and not filled"},
      {.path = "claim_check.above",
       .kind = Kind::whole,
       .fallback = "262144",
       .help = "payloads of more bytes go there",
       .least = 1,
       .most = 1'000'000'000},
      {.path = "claim_check.keep",
       .kind = Kind::duration,
       .fallback = "0s",
       .help = "how long, after which this service removes them; 0s: for ever",
       .most = 315'360'000},
      {.path = "encryption.key_file",
       .kind = Kind::text,
       .fallback = "",
       .help = "the file of the keys that events are sealed with, ID:KEY one a line: the first seals, all open"},
      {.path = "encryption.keys",
       .kind = Kind::text,
       .fallback = "",
       .help = "the keys themselves instead, ID:KEY with commas between",
       .secret = true},
      {.path = "encryption.types",
       .kind = Kind::text,
       .fallback = "",
       .help = "types of events that are sealed beside those whose traits say so, as shop.*, with commas between"},
      {.path = "encryption.refuse_plain",
       .kind = Kind::boolean,
       .fallback = "false",
       .help = "park what is to be sealed and came in the open, instead of handling it"},
      {.path = "encryption.reload",
       .kind = Kind::duration,
       .fallback = "10s",
       .help = "how often the file is read again, so that keys change without a restart; 0s: never",
       .most = 86'400},
      {.path = "log_level",
       .kind = Kind::choice,
       .fallback = "info",
       .help = "what is logged at least",
       .choices = {"debug", "info", "warning", "error"}},
      {.path = "log_format",
       .kind = Kind::choice,
       .fallback = "text",
       .help = "lines for people, or one JSON object each",
       .choices = {"text", "json"}},
      {.path = "handlers.*.concurrency",
       .kind = Kind::whole,
       .fallback = "4",
       .help = "workers: so many keys at once",
       .least = 1,
       .most = 256},
      {.path = "handlers.*.in_flight_max",
       .kind = Kind::whole,
       .fallback = "1000",
       .help = "events fetched and not settled",
       .least = 1,
       .most = 1'000'000},
      {.path = "handlers.*.batch_max",
       .kind = Kind::whole,
       .fallback = "500",
       .help = "events of a batch",
       .least = 1,
       .most = 100'000},
      {.path = "handlers.*.start", .kind = Kind::start, .fallback = "earliest", .help = "where a new group begins"},
      {.path = "handlers.*.after_parked",
       .kind = Kind::choice,
       .fallback = "wait",
       .help = "later events of a key of which one is parked: wait behind it, or go_on",
       .choices = {"wait", "go_on"}},
      {.path = "handlers.*.settle_within",
       .kind = Kind::duration,
       .fallback = "30s",
       .help =
           "what is in hand comes again where a living process neither settles nor extends it in that time; on log: "
           "one that is stopped or hangs keeps its partitions",
       .least = 1,
       .most = 3600},
      {.path = "handlers.*.retry.immediate",
       .kind = Kind::whole,
       .fallback = "3",
       .help = "attempts without a pause after the first",
       .most = 1000},
      {.path = "handlers.*.retry.delayed",
       .kind = Kind::whole,
       .fallback = "5",
       .help = "attempts with one, after those",
       .most = 1000},
      {.path = "handlers.*.retry.first",
       .kind = Kind::duration,
       .fallback = "1s",
       .help = "the longest pause before the first of them; it doubles",
       .most = 86'400},
      {.path = "handlers.*.retry.longest",
       .kind = Kind::duration,
       .fallback = "5min",
       .help = "the longest pause of all",
       .most = 86'400},
      {.path = "handlers.*.retry.jitter",
       .kind = Kind::choice,
       .fallback = "full",
       .help = "how pauses are spread: from nothing to the pause, from half of it, not at all",
       .choices = {"full", "equal", "none"}},
      {.path = "handlers.*.retry.never",
       .kind = Kind::text,
       .fallback = "",
       .help = "codes of errors, with commas between, that park at once"},
      {.path = "handlers.*.retry.also",
       .kind = Kind::text,
       .fallback = "",
       .help = "codes of errors that are tried again although they say never"},
      {.path = "handlers.*.batch_wait",
       .kind = Kind::duration,
       .fallback = "0s",
       .help = "how long a batch waits to be full",
       .most = 3600},
      {.path = "handlers.*.deadline",
       .kind = Kind::duration,
       .fallback = "0s",
       .help = "an attempt that runs for longer is asked to end; 0s: none",
       .most = 86'400},
      {.path = "handlers.*.rate.events",
       .kind = Kind::whole,
       .fallback = "0",
       .help = "events begun in each rate.per, in one process; 0: no limit",
       .most = 1'000'000'000},
      {.path = "handlers.*.rate.per",
       .kind = Kind::duration,
       .fallback = "1s",
       .help = "the time that rate.events is for",
       .least = 1,
       .most = 86'400},
      {.path = "handlers.*.rate.burst",
       .kind = Kind::whole,
       .fallback = "0",
       .help = "events at once after a lull; 0: as rate.events",
       .most = 1'000'000'000},
      {.path = "handlers.*.breaker.window",
       .kind = Kind::whole,
       .fallback = "0",
       .help = "attempts that the circuit breaker looks at; 0: there is none",
       .most = 10'000},
      {.path = "handlers.*.breaker.percent",
       .kind = Kind::whole,
       .fallback = "50",
       .help = "so many of them failed: the handler pauses",
       .least = 1,
       .most = 100},
      {.path = "handlers.*.breaker.pause",
       .kind = Kind::duration,
       .fallback = "10s",
       .help = "how long, before one event is tried; it doubles",
       .least = 1,
       .most = 86'400},
      {.path = "handlers.*.breaker.longest",
       .kind = Kind::duration,
       .fallback = "5min",
       .help = "the longest pause of the circuit breaker",
       .least = 1,
       .most = 86'400},
      {.path = "handlers.*.unknown_types",
       .kind = Kind::choice,
       .fallback = "ignore",
       .help = "what becomes of events of types that the handler does not take",
       .choices = {"ignore", "park"}}};
  return knobs;
}

std::string Knob::wanted() const {
  switch (kind) {
    case Kind::text:
      return "a text";
    case Kind::name:
      return "letters, digits, '.', '_' and '-', at most 200";
    case Kind::whole:
      return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    case Kind::duration:
      return "a time such as \"30s\", from " + std::to_string(least) + "s to " + std::to_string(most) + "s";
    case Kind::boolean:
      return "true or false";
    case Kind::start:
      return "earliest, latest, an offset or a time";
    case Kind::choice: {
      std::string all;
      for (const auto& choice : choices) all += (all.empty() ? "" : ", ") + choice;
      return "one of " + all;
    }
  }
  return "";
}

Result<> Knob::check(std::string_view text) const {
  bool fine = true;
  switch (kind) {
    case Kind::text:
      break;
    case Kind::name:
      fine = text.empty() || validate_name(path, text).has_value();
      break;
    case Kind::whole: {
      std::size_t number = 0;
      const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
      fine = problem == std::errc{} && end == text.data() + text.size() && number >= least && number <= most;
      break;
    }
    case Kind::duration: {
      const auto duration = parse_duration(text);
      fine = duration && *duration >= std::chrono::seconds{least} && *duration <= std::chrono::seconds{most};
      break;
    }
    case Kind::boolean:
      fine = text == "true" || text == "false";
      break;
    case Kind::start:
      fine = parse_start(text).has_value();
      break;
    case Kind::choice:
      fine = std::ranges::find(choices, text) != choices.end();
      break;
  }
  if (!fine) return Error{"invalid_setting", wanted()};
  return {};
}

std::string normal_path(std::string_view path) {
  auto normal = in_lower_case(path);
  std::ranges::replace(normal, '_', '-');
  return normal;
}

bool same_path(std::string_view a, std::string_view b) {
  return a.size() == b.size() && normal_path(a) == normal_path(b);
}

std::string without_password(std::string_view text) {
  const auto scheme = text.find("://");
  if (scheme == std::string_view::npos) return std::string(text);
  const auto host_end = text.find('/', scheme + 3);
  const auto at = text.substr(0, host_end).rfind('@');
  if (at == std::string_view::npos) return std::string(text);
  const auto colon = text.find(':', scheme + 3);
  const auto secret = colon < at ? colon + 1 : scheme + 3;  // a token stands alone
  return std::string(text.substr(0, secret)) + "***" + std::string(text.substr(at));
}

}  // namespace tidings::service
