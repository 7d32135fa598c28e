// What tools do to pause handlers: tidings/service/pausing.hpp.
#include <algorithm>
#include <array>
#include <set>

#include "service/control_topic.hpp"
#include "service/dead_journal.hpp"
#include "service/pause_events.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/make_envelope.hpp"
#include "tidings/service/pausing.hpp"

namespace tidings {

namespace {

using service::PauseAnswered;
using service::PauseRequested;

constexpr Duration look_for = std::chrono::milliseconds{50};

/// Whether a group's name, without the namespace, may be meant. That of a process that has a group of its own tells by
/// its answer alone.
bool means(std::string_view target, std::string_view group) {
  const auto slash = target.find('/');
  if (slash != target.npos) return group == group_of(target.substr(0, slash), target.substr(slash + 1));
  if (group == target) return true;
  return group.starts_with(target) && group.size() > target.size() + 1 && group[target.size()] == '.' &&
         group.find('.', target.size() + 1) == group.npos;
}

/// Whether what was said of `other` is said anew by what is said of `target`.
bool covers(std::string_view target, std::string_view other) {
  return other.starts_with(target) &&
         (other.size() == target.size() || other[target.size()] == '/' || other[target.size()] == '.');
}

}  // namespace

class Pausing::Impl {
 public:
  Impl(Broker& broker, std::string target, bool paused, std::string_view name_space)
      : broker_(broker),
        target_(std::move(target)),
        paused_(paused),
        name_space_(name_space),
        control_(in_namespace(name_space, control_topic)) {}

  Result<> ask() {
    if (auto fine = check(target_); !fine) return fine;
    if (auto made = service::make_control_topic(broker_, control_, paused_); !made) return made;
    const auto info = broker_.topic(control_);
    if (!info) return info.error();
    std::vector<Offset> ends;
    for (const auto& one : info->partitions) ends.push_back(one.end);
    auto reader =
        broker_.subscribe(control_, {.group = "", .start = Start::each(std::move(ends)), .create_topic = false});
    if (!reader) return reader.error();
    reader_ = std::move(*reader);
    auto asked = publish(paused_);
    if (!asked) return asked.error();
    id_ = std::move(*asked);
    // Who resumed the last pause just before may have let the topic forget since it was looked at.
    return paused_ ? service::make_control_topic(broker_, control_, true) : settle();
  }

  [[nodiscard]] const std::string& id() const { return id_; }

  Result<std::vector<PauseAnswer>> answers() {
    std::vector<PauseAnswer> all;
    auto got = reader_->fetch(1000, look_for);
    if (!got) return got.error();
    for (const auto& delivery : *got) {
      if (delivery.envelope.type != event_name<PauseAnswered>()) continue;
      auto answered = decode_event<PauseAnswered>(delivery.envelope);
      if (!answered || answered->request != id_) continue;
      for (auto& one : answered->handlers) {
        for (const auto& partition : one.partitions) answered_.insert(one.group + " " + partition);
        all.push_back({.group = std::move(one.group),
                       .process = answered->process,
                       .paused = one.paused,
                       .partitions = std::move(one.partitions)});
      }
    }
    return all;
  }

  Result<Silence> silence() {
    Silence silence;
    const auto topics = broker_.topics();
    if (!topics) return topics.error();
    const auto prefix = in_namespace(name_space_, "");
    for (const auto& topic : *topics) {
      if (topic.error || !topic.name.starts_with(prefix)) continue;
      const auto groups = broker_.groups(topic.name);
      if (!groups) return groups.error();
      for (const auto& group : *groups) {
        if (!group.group.starts_with(prefix)) continue;
        const auto name = group.group.substr(prefix.size());
        silence.known.push_back(name);
        if (!means(target_, name)) continue;
        silence.any_group = true;
        for (const auto& one : group.partitions) {
          auto place = name + " " + topic.name.substr(prefix.size()) + "/" + std::to_string(one.partition.value);
          if (one.owned && !answered_.contains(place)) silence.partitions.push_back(std::move(place));
        }
      }
    }
    return silence;
  }

  Result<> take_back() {
    auto done = publish(!paused_, id_);
    return done ? settle() : done.error();
  }

 private:
  Result<> settle() {
    service::nothing_stands(broker_, control_, name_space_);
    return {};
  }
  Result<std::string> publish(bool paused, const std::string& takes_back = {}) {
    auto envelope = make_envelope(PauseRequested{target_, paused, takes_back}, {.source = "tidings"});
    if (!envelope) return envelope.error();
    if (auto published = broker_.publish(control_, std::array{envelope->view()}); !published) return published.error();
    return envelope->id;
  }

  Broker& broker_;
  const std::string target_;
  const bool paused_;
  const std::string name_space_;
  const std::string control_;
  std::unique_ptr<Consumer> reader_;
  std::string id_;
  std::set<std::string> answered_;  // groups and partitions
};

Pausing::Pausing(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Pausing::Pausing(Pausing&&) noexcept = default;
Pausing& Pausing::operator=(Pausing&&) noexcept = default;
Pausing::~Pausing() = default;

Result<> Pausing::check(std::string_view target) {
  const auto slash = target.find('/');
  if (auto fine = validate_name("service", target.substr(0, slash)); !fine || slash == target.npos) return fine;
  return validate_name("handler", target.substr(slash + 1));
}

Result<Pausing> Pausing::ask(Broker& broker, std::string target, bool paused, std::string_view name_space) {
  auto impl = std::make_unique<Impl>(broker, std::move(target), paused, name_space);
  if (auto asked = impl->ask(); !asked) return asked.error();
  return Pausing(std::move(impl));
}
const std::string& Pausing::id() const {
  return impl_->id();
}
Result<std::vector<PauseAnswer>> Pausing::answers() {
  return impl_->answers();
}
Result<Pausing::Silence> Pausing::silence() {
  return impl_->silence();
}
Result<> Pausing::take_back() {
  return impl_->take_back();
}

Result<std::vector<PauseState>> Pausing::standing(Broker& broker, std::string_view name_space) {
  const auto control = in_namespace(name_space, control_topic);
  std::vector<PauseState> all;
  const auto info = broker.topic(control);
  if (!info && info.error().code == "unknown_topic") return all;
  if (!info) return info.error();
  std::vector<std::uint64_t> ends;
  for (const auto& one : info->partitions) ends.push_back(one.end.value);
  struct Asked {
    std::string id;
    PauseRequested what;
    TimePoint time;
  };
  std::vector<Asked> requests;
  std::set<std::string> taken_back;
  auto read = service::read_through(
      broker, control, 0, ends,
      [&](const Delivery& delivery) {
        if (delivery.envelope.type != event_name<PauseRequested>()) return;
        auto asked = decode_event<PauseRequested>(delivery.envelope);
        if (!asked) return;
        if (asked->takes_back.empty())
          requests.push_back({std::string(delivery.envelope.id), std::move(*asked), delivery.envelope.time});
        else
          taken_back.insert(std::move(asked->takes_back));
      },
      [] { return true; });
  if (!read) return read.error();
  for (auto& [id, asked, time] : requests) {
    if (taken_back.contains(id)) continue;
    std::erase_if(all, [&](const PauseState& one) { return covers(asked.target, one.target); });
    const bool is_within =
        std::ranges::any_of(all, [&](const PauseState& one) { return covers(one.target, asked.target); });
    if (asked.paused || is_within)
      all.push_back({.target = std::move(asked.target), .paused = asked.paused, .since = time});
  }
  return all;
}

}  // namespace tidings
