#include "service/unknown_types.hpp"

#include <algorithm>

#include "tidings/base/text.hpp"

namespace tidings::service {

namespace {
constexpr std::size_t told_max = 100;
}

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
  const auto near = nearest(type, taken_);
  log.write(LogLevel::warning, std::string(service) + ": no handler takes events of type " + printable(type) +
                                   ", which come on topic " + printable(topic) + "; they are ignored" +
                                   (near.empty() ? "" : "; is " + std::string(near) + " meant?"));
}

}  // namespace tidings::service
