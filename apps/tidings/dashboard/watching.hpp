#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "dashboard/collector.hpp"
#include "dashboard/flow.hpp"
#include "dashboard/letters.hpp"

namespace tidings::cli {

/// Looks at a broker again and again, on two threads: one for topics and groups, once a second, or so seldom that a
/// look takes a fifth of the time where it takes more than 200 ms; and one for what costs more, as what is parked, what
/// is paused, and who publishes.
class Watching {
 public:
  /// All must outlive this.
  Watching(Broker& broker, const Common& common, Collector& collector, Sources& sources, LetterBoard& letters,
           Clock& clock = system_clock());
  ~Watching() { stop(); }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;

  /// One look, and then in the background; `on_look` after each, on the thread that looks. Errors: the broker's, of the
  /// first look.
  Result<> start(std::function<void()> on_look);
  void stop();

 private:
  void look_on();
  void look_deeper();
  /// False: it ends.
  bool wait(Duration time);

  Broker& broker_;
  const Common& common_;
  Collector& collector_;
  Sources& sources_;
  LetterBoard& letters_;
  Clock& clock_;
  std::function<void()> on_look_;
  Duration took_{};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread looking_, deeper_;
};

/// How long to wait after a look that took so long.
[[nodiscard]] Duration pause_after(Duration took);

}  // namespace tidings::cli
