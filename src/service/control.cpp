#include "service/control.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "service/dead_events.hpp"
#include "service/dead_journal.hpp"
#include "tidings/base/steady.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/make_envelope.hpp"

namespace tidings::service {

namespace {

constexpr std::size_t fetch_max = 1000;
constexpr Duration answer_within = std::chrono::seconds{5};
constexpr Duration partitions_within = std::chrono::seconds{3};    // of its start a member has some, or is to have none
constexpr Duration somebody_waits_for = std::chrono::seconds{10};  // who asked before that does not listen any more

std::string process_name(const Host& host) {
  if (!host.instance.empty()) return host.instance;
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) name[0] = '\0';
  return std::string(name.data()) + ":" + std::to_string(getpid());
}

}  // namespace

Result<> Control::first_look() {
  started_ = steady_now();
  topic_ = in_namespace(host_.name_space, control_topic);
  const auto info = host_.broker->topic(topic_);
  if (!info) {
    const auto& code = info.error().code;
    // Who may not read it is steered by nobody.
    if (code == "unknown_topic" || code == "permission_denied") return {};
    return info.error();
  }
  std::vector<std::uint64_t> ends;
  for (const auto& one : info->partitions) ends.push_back(one.end.value);
  if (auto read_all = read_through(
          *host_.broker, topic_, 0, ends, [this](const Delivery& delivery) { take(delivery, false); },
          [] { return true; });
      !read_all)
    return read_all;
  for (const auto end : ends) next_.emplace_back(end);
  obey_what_stands();
  return {};
}

void Control::obey_what_stands() {
  const auto all = std::exchange(standing_, {});
  for (const auto& one : all) {
    const bool counts = one.request.takes_back.empty() && std::ranges::none_of(all, [&](const Standing& other) {
                          return other.request.takes_back == one.id;
                        });
    if (counts) obey(one.id, one.request, one.time, false);
  }
}

void Control::obey(const std::string& id, const PauseRequested& request, TimePoint time, bool is_new) {
  obeys_.pause(request,
               "request " + printable(id) + " of " + to_rfc3339(std::chrono::floor<std::chrono::seconds>(time)));
  if (!is_new && host_.clock->now() - time > somebody_waits_for) return;
  Unanswered one{.id = id, .request = request};
  if (!is_new || !answer(one)) unanswered_.push_back(std::move(one));
}

void Control::look() {
  for (const auto& [id, request] : std::exchange(waiting_, {})) obeys_.dead_letters(id, request);
  std::erase_if(unanswered_, [this](const Unanswered& one) { return answer(one); });
  const auto now = steady_now();
  if (now < look_again_) return;
  look_again_ = now + look_at_control_every.load();
  if (!reader_) {
    const auto info = host_.broker->topic(topic_);
    if (!info) return;
    next_.resize(info->partitions.size());
    for (const auto& one : info->partitions)
      if (one.end < next_[one.partition.value]) next_[one.partition.value] = {};  // it is another topic
    auto reader = host_.broker->subscribe(topic_, {.group = "", .start = Start::each(next_), .create_topic = false});
    if (!reader) return;
    reader_ = std::move(*reader);
  }
  read();
}

void Control::read() {
  while (true) {
    auto got = reader_->fetch(fetch_max, Duration::zero());
    if (!got) {
      if (!std::exchange(in_trouble_, true))
        host_.say(LogLevel::warning, "cannot read " + topic_ + ": " + printable(to_string(got.error())) +
                                         "; requests are carried out once it can");
      reader_.reset();
      return;
    }
    in_trouble_ = false;
    if (got->empty()) return;
    for (const auto& delivery : *got) take(delivery, true);
  }
}

void Control::take(const Delivery& delivery, bool is_new) {
  const auto& event = delivery.envelope;
  const std::string id(event.id);
  const auto unreadable = [&](const Error& why) {
    host_.say(LogLevel::warning,
              "cannot read request " + printable(id) + " in " + topic_ + ": " + printable(to_string(why)));
  };
  if (const auto partition = delivery.id.partition.value; is_new && partition < next_.size())
    next_[partition] = Offset{delivery.id.offset.value + 1};
  if (event.type == event_name<DeadLettersRequested>()) {
    const auto asked = decode_event<DeadLettersRequested>(event);
    if (!asked) return unreadable(asked.error());
    if (is_new)
      obeys_.dead_letters(id, asked->what);
    else
      waiting_.emplace_back(id, asked->what);
  } else if (event.type == event_name<PauseRequested>()) {
    const auto asked = decode_event<PauseRequested>(event);
    if (!asked) return unreadable(asked.error());
    if (is_new)
      obey(id, *asked, event.time, true);
    else
      standing_.push_back({.id = id, .request = *asked, .time = event.time});
  } else if (event.type == event_name<AttemptsAsked>() && is_new) {
    const auto asked = decode_event<AttemptsAsked>(event);
    if (!asked) return unreadable(asked.error());
    // Who reads it late has nobody that listens.
    if (host_.clock->now() - event.time <= somebody_waits_for) tell(id, *asked);
  }
}

bool Control::answer(const Unanswered& one) {
  auto handlers = obeys_.paused(one.request);
  if (handlers.empty()) return true;
  const bool holds_any =
      std::ranges::any_of(handlers, [](const PausedHandler& each) { return !each.partitions.empty(); });
  if (!holds_any && steady_now() - started_ < partitions_within) return false;
  publish(PauseAnswered{one.id, process_name(host_), std::move(handlers)}, one.id);
  return true;
}

void Control::tell(const std::string& id, const AttemptsAsked& asked) {
  auto handlers = obeys_.attempts(asked);
  if (handlers.empty()) return;
  const auto process = process_name(host_);
  for (auto& one : handlers) one.process = process;
  publish(AttemptsTold{id, process, std::move(handlers)}, id);
}

template <class Told>
void Control::publish(Told told, const std::string& request) {
  auto envelope =
      make_envelope(std::move(told), {.source = host_.service, .clock = host_.clock, .entropy = host_.entropy});
  auto answered = envelope ? host_.broker->publish(topic_, std::array{envelope->view()}, {.wait_max = answer_within})
                           : Result<std::vector<Published>>(envelope.error());
  if (!answered)
    host_.say(LogLevel::warning, "could not answer request " + printable(request) + " in " + topic_ +
                                     ", which was carried out: " + printable(to_string(answered.error())));
}

}  // namespace tidings::service
