#include "service/unknown_types.hpp"

#include <algorithm>

#include "tidings/base/text.hpp"

namespace tidings::service {

namespace {
constexpr std::size_t told_max = 100;

std::string_view before_name(std::string_view type) {
  return type.substr(0, type.rfind('.') + 1);
}

/// One that may be meant: of the same namespace, whose long name would make all in it alike, with a slip in its own.
std::string meant(std::string_view type, const std::vector<std::string>& taken) {
  const auto space = before_name(type);
  std::vector<std::string> names;
  for (const auto& one : taken)
    if (before_name(one) == space) names.push_back(one.substr(space.size()));
  const auto near = nearest(type.substr(space.size()), names);
  return near.empty() ? std::string() : std::string(space) + std::string(near);
}
}  // namespace

void UnknownTypes::take(std::string_view type) {
  if (std::ranges::find(taken_, type) == taken_.end()) taken_.emplace_back(type);
}

void UnknownTypes::ignored(std::string_view topic, std::string_view type, LogSink& log, std::string_view service) {
  if (std::ranges::find(taken_, type) != taken_.end() || std::ranges::find(whole_, topic) != whole_.end()) return;
  std::string name(topic);
  name.append(" ").append(type);
  {
    const std::scoped_lock lock(mutex_);
    if (told_.size() > told_max || std::ranges::find(told_, name) != told_.end()) return;
    told_.push_back(name);
    if (told_.size() > told_max) {
      log.write(LogLevel::warning, std::string(service) + ": more types of events that no handler takes are not told");
      return;
    }
  }
  // A topic has types that are for others: who takes some of them has nothing wrong, unless it looks like a slip.
  const auto near = meant(type, taken_);
  log.write(near.empty() ? LogLevel::info : LogLevel::warning,
            std::string(service) + ": no handler takes events of type " + printable(type) + ", which come on topic " +
                printable(topic) + "; they are ignored" + (near.empty() ? "" : "; is " + near + " meant?"));
}

}  // namespace tidings::service
