#include "service/control_topic.hpp"

#include "tidings/service/pausing.hpp"

namespace tidings::service {

namespace {

/// Who may publish need not be allowed to alter topics.
bool may_be_left(const Error& error) {
  return error.code == "permission_denied" || error.code == "unsupported";
}

}  // namespace

Result<> make_control_topic(Broker& broker, const std::string& topic, bool for_pause) {
  TopicOptions options{.partitions = 1};
  const bool has_retention = broker.capabilities().retention;
  if (has_retention && !for_pause) options.retention = Retention{.age = control_age};
  const auto info = broker.topic(topic);
  if (!info && info.error().code != "unknown_topic") return info.error();
  if (!info) {
    auto made = broker.create_topic(topic, options);
    if (made) return {};
    if (made.error().code != "topic_exists_with") return made;  // else somebody was faster
  }
  if (!for_pause || !has_retention) return {};
  const auto there = broker.topic(topic);
  if (!there) return there.error();
  if (there->retention.is_for_ever()) return {};
  auto kept = broker.set_retention(topic, {});
  return kept || may_be_left(kept.error()) ? Result<>{} : kept;
}

void nothing_stands(Broker& broker, const std::string& topic, std::string_view name_space) {
  if (!broker.capabilities().retention) return;
  const auto info = broker.topic(topic);
  if (!info || !info->retention.is_for_ever()) return;
  const auto is_free = [&] {
    const auto standing = Pausing::standing(broker, name_space);
    return standing && standing->empty();
  };
  if (!is_free() || !broker.set_retention(topic, {.age = control_age})) return;
  if (!is_free()) (void)broker.set_retention(topic, {});
}

}  // namespace tidings::service
