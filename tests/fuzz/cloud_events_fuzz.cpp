// CloudEvents in structured mode: what is read can be written, and then comes back.
#include "real_log.hpp"
#include "tidings/event/cloud_events.hpp"
#include "tidings/event/json.hpp"

namespace tidings::fuzzing {

void try_input(Bytes input) {
  const auto read = from_cloud_event_json(text_of(input));
  if (!read) return;
  const auto json = to_cloud_event_json(read->view(), CloudEventPlace{{1}, {2}});
  require(json.find('\n') == json.npos, "it is one line");
  const auto again = from_cloud_event_json(json);
  require(again.has_value(), "what is written can be read");
  auto kept = *read;
  kept.payload = again->payload;
  require(*again == kept, "all but white space in the data comes back");
  require(to_cloud_event_json(again->view(), CloudEventPlace{{1}, {2}}) == json, "writing it again changes nothing");
}

std::vector<std::string> seeds() {
  auto event = full_event(1);
  std::vector<std::string> all{to_cloud_event_json(event.view(), CloudEventPlace{{0}, {7}})};
  event.payload = "\xff\xfe";
  all.push_back(to_cloud_event_json(event.view()));
  event.data_content_type = "text/plain";
  event.payload = "a \"text\"";
  all.push_back(to_cloud_event_json(event.view()));
  all.emplace_back(R"({"specversion":"1.0","id":"1","source":"/a","type":"t","tenant":"x","flag":true,"number":-3})");
  all.emplace_back(
      "{\"specversion\":\"1.0\",\n\"id\":\"1\",\"source\":\"a\",\"type\":\"t\",\"data\":[1,\n{\"a\": null}]}");
  return all;
}

}  // namespace tidings::fuzzing
