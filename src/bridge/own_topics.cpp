#include "bridge/own_topics.hpp"

#include <string>

#include "tidings/base/text.hpp"

namespace tidings::bridge {

namespace {

// As tidings/service/names.hpp has them, which this room must not know.
constexpr std::string_view letters_end = ".dead-letters";
constexpr std::string_view replies_end = ".replies";

/// `tidings.control`, `tidings.delays.3`, `tidings.schedule`, in whatever namespace.
bool is_of_tidings(std::string_view topic) {
  return topic.starts_with("tidings.") || topic.find(".tidings.") != std::string_view::npos;
}

Error stays(std::string_view topic, const std::string& why) {
  return {"unsupported", "topic " + printable(topic) + " stays at its broker: " + why};
}

}  // namespace

bool is_own(std::string_view topic) {
  return is_of_tidings(topic) || topic.ends_with(letters_end) || topic.ends_with(replies_end);
}

Result<> check_goes_over(std::string_view topic) {
  // A service at the target would take them for its own, and pass its own events of those offsets.
  if (topic.ends_with(letters_end))
    return stays(topic,
                 "dead letters name offsets there, which are other events' elsewhere; redrive or drop them there "
                 "(tidings dead-letters)");
  if (is_of_tidings(topic))
    return stays(topic, "services keep in it what they do there, and what is mirrored would be done twice");
  return {};
}

}  // namespace tidings::bridge
