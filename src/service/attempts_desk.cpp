// What tools do to ask services about attempts: tidings/service/attempts.hpp.
#include <algorithm>
#include <array>
#include <set>

#include "service/attempt_events.hpp"
#include "service/control_topic.hpp"
#include "tidings/event/make_envelope.hpp"

namespace tidings {

namespace {

using service::AttemptsAsked;
using service::AttemptsTold;

constexpr Duration look_for = std::chrono::milliseconds{50};

/// Of the groups that are asked those whose partition somebody holds: who does is to answer.
Result<std::set<std::string, std::less<>>> held(Broker& broker, const AttemptsQuestion& question,
                                                std::string_view name_space) {
  std::set<std::string, std::less<>> names;
  const auto groups = broker.groups(in_namespace(name_space, question.topic));
  if (!groups) return groups.error();
  for (const auto& name : question.groups)
    for (const auto& group : *groups)
      if (group.group == in_namespace(name_space, name) &&
          std::ranges::any_of(group.partitions, [&](const GroupPartitionInfo& one) {
            return one.partition == question.partition && one.owned;
          }))
        names.insert(name);
  return names;
}

}  // namespace

Result<std::vector<AttemptsAnswer>> ask_about_attempts(Broker& broker, const AttemptsQuestion& question,
                                                       std::string_view name_space, Duration wait_max,
                                                       const std::function<bool()>& goes_on) {
  std::vector<AttemptsAnswer> all;
  auto missing = held(broker, question, name_space);
  if (!missing) return missing.error();
  if (missing->empty()) return all;
  const auto control = in_namespace(name_space, control_topic);
  if (auto made = service::make_control_topic(broker, control, false); !made) return made.error();
  const auto info = broker.topic(control);
  if (!info) return info.error();
  std::vector<Offset> ends;
  for (const auto& one : info->partitions) ends.push_back(one.end);
  auto reader = broker.subscribe(control, {.group = "", .start = Start::each(std::move(ends)), .create_topic = false});
  if (!reader) return reader.error();
  AttemptsAsked asked{.topic = question.topic,
                      .partition = question.partition.value,
                      .offsets = {},
                      .type = question.type,
                      .groups = question.groups};
  for (const auto offset : question.offsets) asked.offsets.push_back(offset.value);
  const auto envelope = make_envelope(asked, {.source = "tidings"});
  if (!envelope) return envelope.error();
  if (auto published = broker.publish(control, std::array{envelope->view()}); !published) return published.error();
  const auto until = std::chrono::steady_clock::now() + wait_max;
  while (!missing->empty() && goes_on() && std::chrono::steady_clock::now() < until) {
    const auto got = (*reader)->fetch(1000, look_for);
    if (!got) return got.error();
    for (const auto& delivery : *got) {
      if (delivery.envelope.type != event_name<AttemptsTold>()) continue;
      auto told = decode_event<AttemptsTold>(delivery.envelope);
      if (!told || told->request != envelope->id) continue;
      for (auto& one : told->handlers) {
        if (one.holds) missing->erase(one.group);
        all.push_back(std::move(one));
      }
    }
  }
  return all;
}

}  // namespace tidings
