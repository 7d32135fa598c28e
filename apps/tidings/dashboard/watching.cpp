#include "dashboard/watching.hpp"

#include "dashboard/pauses.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr Duration period = 1s;
constexpr Duration cheap = 200ms;
constexpr Duration deeper_period = 1s;
constexpr Duration deeper_max = 500ms;  // of each kind, in one go

}  // namespace

Duration pause_after(Duration took) {
  return took <= cheap ? period - took : 4 * took;
}

Watching::Watching(Broker& broker, const Common& common, Collector& collector, Sources& sources, LetterBoard& letters,
                   Clock& clock)
    : broker_(broker), common_(common), collector_(collector), sources_(sources), letters_(letters), clock_(clock) {}

Result<> Watching::start(std::function<void()> on_look) {
  on_look_ = std::move(on_look);
  auto first = observe(broker_, common_, clock_);
  if (!first) return first.error();
  took_ = first->took;
  collector_.take(std::move(*first));
  looking_ = std::thread([this] { look_on(); });
  deeper_ = std::thread([this] { look_deeper(); });
  return {};
}

void Watching::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (looking_.joinable()) looking_.join();
  if (deeper_.joinable()) deeper_.join();
}

bool Watching::wait(Duration time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [this] { return stopping_; });
}

void Watching::look_on() {
  while (wait(pause_after(took_))) {
    auto seen = observe(broker_, common_, clock_);
    if (seen) {
      took_ = seen->took;
      collector_.take(std::move(*seen));
    } else {
      took_ = period;
      collector_.take_problem(seen.error(), clock_.now());
    }
    if (on_look_) on_look_();
  }
}

void Watching::look_deeper() {
  Pauses pauses;
  do {
    const auto seen = collector_.observation();
    pauses.look(broker_, common_, *seen, collector_);
    letters_.look(broker_, common_, *seen, clock_.steady_now() + deeper_max, clock_);
    collector_.set_open_letters(letters_.open_counts());
    sources_.look(broker_, common_, *seen, clock_.steady_now() + deeper_max, clock_,
                  [&](const std::string& topic, const Error& why) {
                    collector_.met_damage(topic, to_string(why), clock_.steady_now());
                  });
  } while (wait(deeper_period));
}

}  // namespace tidings::cli
