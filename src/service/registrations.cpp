#include "service/registrations.hpp"

#include <algorithm>

#include "tidings/base/text.hpp"
#include "tidings/service/names.hpp"

namespace tidings::service {

namespace {

constexpr Duration settle_within_min = std::chrono::milliseconds{300};  // or events are lost before they are extended

/// What stands in code; settings have ranges of their own.
Result<> check_options(const std::string& handler, const HandlerOptions& options) {
  const auto refuse = [&](const char* what) { return Error{"invalid_options", "handler '" + handler + "': " + what}; };
  if (options.concurrency < 1 || options.concurrency > 256) return refuse("concurrency must be from 1 to 256");
  if (options.in_flight_max < 1) return refuse("in_flight_max must be 1 at least");
  if (options.batch_max < 1) return refuse("batch_max must be 1 at least");
  if (options.settle_within < settle_within_min) return refuse("settle_within must be 300ms at least");
  if (options.retry.immediate < 0 || options.retry.delayed < 0) return refuse("retries cannot be fewer than none");
  if (options.retry.first < Duration::zero() || options.retry.longest < Duration::zero())
    return refuse("the pauses of retries cannot be negative");
  if (options.batch_wait < Duration::zero() || options.deadline < Duration::zero())
    return refuse("batch_wait and deadline cannot be negative");
  if (options.rate.events > 0 && options.rate.per <= Duration::zero()) return refuse("rate.per must be above nothing");
  const auto& breaker = options.breaker;
  if (breaker.window > 10'000) return refuse("breaker.window must be 10,000 at most");
  if (breaker.window > 0 && !(breaker.share > 0 && breaker.share <= 1))
    return refuse("breaker.share must be above 0 and at most 1");
  if (breaker.window > 0 && (breaker.pause <= Duration::zero() || breaker.longest <= Duration::zero()))
    return refuse("breaker.pause and breaker.longest must be above nothing");
  return {};
}

Result<> check_kinds(const std::vector<Registered>& all) {
  std::vector<const detail::EventKind*> known;
  for (const auto& one : all) {
    for (const auto& kind : one.handler->kinds()) {
      if (!kind.ordered)
        return Error{"no_key", "handler '" + one.name + "' keeps order by key, but " + std::string(kind.type) +
                                   " has none; name its .key, or say .key = tidings::unordered, in its traits"};
      if (kind.type.empty()) {  // any
        if (auto fine = validate_name("topic", kind.topic); !fine) return fine;
        continue;
      }
      for (const auto* version = &kind; version != nullptr; version = version->older) {
        for (const auto* other : known)
          if (other->type == version->type && other->version == version->version &&
              other->identity != version->identity)
            return Error{"duplicate_event", "the types " + std::string(other->cpp_type) + " and " +
                                                std::string(version->cpp_type) + " are both called " +
                                                std::string(version->type) + " version " +
                                                std::to_string(version->version) + "; rename one in its traits"};
        known.push_back(version);
      }
    }
  }
  return {};
}

}  // namespace

std::string group_name(const Host& host, std::string_view handler, const HandlerOptions& options) {
  auto group = in_namespace(host.name_space, group_of(host.service, handler));
  if (options.instances == Instances::each && !host.instance.empty()) group += "." + host.instance;
  return group;
}

bool remembers_nothing(const Host& host, const HandlerOptions& options) {
  return options.instances == Instances::each && host.instance.empty();
}

Result<> check_registered(const std::vector<Registered>& all, const Host& host, const Settings& settings) {
  std::vector<std::string> names;
  for (const auto& one : all) {
    if (auto fine = validate_name("handler", one.name); !fine) return fine;
    if (one.name.find('.') != std::string::npos)
      return Error{"invalid_name",
                   "handler '" + one.name + "' must have no dot in its name; settings are nested by them"};
    if (auto fine = validate_name("group", dead_letters_of(group_name(host, one.name, one.options))); !fine)
      return fine;
    for (const auto& other : names)
      if (same_path(other, one.name))
        return Error{"invalid_name",
                     "there are two handlers '" + one.name + "' in this service; each is a group of its own"};
    names.push_back(one.name);
    if (auto fine = check_options(one.name, one.options); !fine) return fine;
    if (one.handler->takes_transaction() && remembers_nothing(host, settings.handler(one.name, one.options)))
      return Error{"invalid_options",
                   "handler '" + one.name +
                       "' takes a transaction, and every process gets every event: the store knows what was handled by "
                       "the process's name, so set `instance`, another one for each"};
    if (one.handler->takes_transaction() && host.store == nullptr && !settings.describe())
      return Error{"no_store", "handler '" + one.name +
                                   "' takes a transaction, and the service has no store; name one, as --store "
                                   "sqlite:./" +
                                   host.service + ".db"};
  }
  if (auto fine = settings.check_handlers(names); !fine) return fine;
  return check_kinds(all);
}

void warn_of_names(const std::vector<Registered>& all, const Host& host) {
  if (!host.broker->capabilities().persistent) return;
  std::vector<std::string_view> told;
  for (const auto& one : all) {
    for (const auto& kind : one.handler->kinds()) {
      if (kind.named || std::ranges::find(told, kind.type) != told.end()) continue;
      told.push_back(kind.type);
      host.say(LogLevel::warning, "event " + std::string(kind.type) +
                                      " has its C++ name on a durable broker: renaming the type would lose it; name it "
                                      "in its traits");
    }
  }
}

}  // namespace tidings::service
