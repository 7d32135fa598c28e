#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/base/log_sink.hpp"

namespace tidings::service {

/// Tells, once for each, of the types of events that come on a service's topics and that none of its handlers takes: a
/// handler that takes another type of the topic is as it should be, one that nobody takes is often a name misspelt.
/// Thread-safe.
class UnknownTypes {
 public:
  /// Types that handlers take. Before the first event.
  void take(std::string_view type);
  /// A topic of which a handler takes everything.
  void take_all_of(std::string_view topic) { whole_.emplace_back(topic); }
  /// An event that a handler ignores.
  void ignored(std::string_view topic, std::string_view type, LogSink& log, std::string_view service);

 private:
  std::vector<std::string> taken_;
  std::vector<std::string> whole_;  // topics
  std::mutex mutex_;
  std::vector<std::string> told_;  // as `topic`, a space, `type`; bounded, since others choose these names
};

}  // namespace tidings::service
