#include "publishing.hpp"

#include <algorithm>
#include <utility>

#include "interrupt.hpp"
#include "tidings/base/text.hpp"
#include "tidings/event/json.hpp"
#include "tidings/event/make_envelope.hpp"

namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t batch_lines_max = 1000;
constexpr std::size_t batch_bytes_max = std::size_t{1} << 20;
constexpr std::string_view blanks = " \t\r";

}  // namespace

Publishing::Publishing(std::string topic, const Common& common, const PublishArguments& arguments, Options options)
    : topic_(std::move(topic)), common_(common), arguments_(arguments), options_(std::move(options)) {}

Result<> Publishing::check() {
  if (auto valid = validate_name("topic", topic_); !valid) return valid;
  topic_options_.partitions = arguments_.partitions;
  if (!arguments_.durability.empty()) {
    auto durability = parse_durability(arguments_.durability);
    if (!durability) return durability.error();
    topic_options_.durability = *durability;
  }
  for (const auto& header : arguments_.headers) {
    const auto equals = header.find('=');
    if (equals == header.npos || equals == 0)
      return Error{"invalid_header", "'" + header + "' is no header; write --header NAME=VALUE"};
    headers_.set(header.substr(0, equals), header.substr(equals + 1));
  }
  if (!arguments_.type.empty())
    if (auto valid = validate_name("type", arguments_.type); !valid) return valid;
  // What is wrong with all of them is told once, before anything is created.
  if (auto valid = validate(blank().view(), topic_options_.event_bytes()); !valid)
    return Error{"invalid_event", valid.error().message};
  return {};
}

Result<> Publishing::begin(Broker& broker) {
  broker_ = &broker;
  if (auto made = broker.create_topic(topic_, topic_options_); !made) return made;
  auto info = broker.topic(topic_);
  if (!info) return info.error();
  event_bytes_max_ = info->event_bytes_max;
  return {};
}

bool Publishing::is_full() const {
  return lines_.size() >= batch_lines_max || bytes_ >= batch_bytes_max;
}

/// The limit is the topic's, which the command line cannot change: only the line can be another.
Error Publishing::too_large(const std::string& size) const {
  return {"too_large", size + " than the " + std::to_string(event_bytes_max_) + " bytes that an event of topic " +
                           arguments_.topic +
                           " may have; split it, or keep its data elsewhere and publish where they are"};
}

void Publishing::add(const LineReader::Line& line) {
  if (line.too_long) return fail(line.number, line.number, too_large("the line is longer"));
  const auto begin = line.text.find_first_not_of(blanks);
  if (begin == line.text.npos) return;
  auto envelope = make(line.text.substr(begin, line.text.find_last_not_of(blanks) + 1 - begin));
  if (!envelope) return fail(line.number, line.number, envelope.error());
  bytes_ += size_bytes(envelope->view());
  lines_.push_back({line.number, std::move(*envelope)});
}

Envelope Publishing::blank() const {
  auto envelope = begin_envelope({.source = arguments_.source});
  envelope.type = arguments_.type.empty() ? arguments_.topic : arguments_.type;
  envelope.version = arguments_.type_version;
  envelope.data_content_type = "application/json";
  envelope.headers = headers_;
  envelope.key = arguments_.key;
  return envelope;
}

Result<Envelope> Publishing::make(std::string_view data) const {
  if (auto valid = check_json(data); !valid) return valid.error();
  auto envelope = blank();
  if (!arguments_.key_field.empty()) {
    auto key = json_member_text(data, arguments_.key_field);
    if (!key) return key.error();
    envelope.key = std::move(*key);
  }
  envelope.payload = data;
  if (auto valid = validate(envelope.view(), event_bytes_max_); !valid) {
    if (valid.error().code != "too_large") return valid.error();
    return too_large("with key and headers it has " + std::to_string(size_bytes(envelope.view())) + " bytes, more");
  }
  return envelope;
}

/// The same events under the same ids, with growing pauses.
Result<std::vector<Published>> Publishing::try_for_a_while(std::span<const EnvelopeView> events) {
  const auto until = std::chrono::steady_clock::now() + options_.retry_for;
  bool maybe_written = false;
  for (auto pause = 20ms;; pause = std::min(pause * 2, std::chrono::milliseconds{1s})) {
    auto places = broker_->publish(topic_, events);
    if (places) return places;
    auto& error = places.error();
    maybe_written = maybe_written || error.code == "outcome_unknown";
    if (maybe_written && error.code != "outcome_unknown")
      error = {"outcome_unknown", "it may have been published, then " + to_string(error), error.retry};
    if (error.retry != Retry::same_call || std::chrono::steady_clock::now() + pause > until) return places;
    if (pause == 20ms && options_.on_wait) options_.on_wait(error);
    if (await(-1, 0, pause) == Awaited::interrupted) return places;
  }
}

std::string Publishing::acks(std::span<const Published> places) const {
  std::string out;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto& id = lines_[i].envelope.id;
    const auto partition = std::to_string(places[i].partition.value), offset = std::to_string(places[i].offset.value);
    if (common_.json)
      out.append(R"({"id":")").append(id).append(R"(","partition":)").append(partition);
    else
      out.append(id).append(" ").append(partition);
    out.append(common_.json ? R"(,"offset":)" : " ").append(offset).append(common_.json ? "}\n" : "\n");
  }
  return out;
}

Result<> Publishing::flush() {
  std::vector<EnvelopeView> events;
  events.reserve(lines_.size());
  for (const auto& line : lines_) events.push_back(line.envelope.view());
  auto places = try_for_a_while(events);
  Result<> going_on;
  if (!places) {
    fail(lines_.front().number, lines_.back().number, places.error());
    if (places.error().retry != Retry::never) going_on = places.error();
  } else {
    published_ += events.size();
    if (arguments_.acks) going_on = options_.on_acks(acks(*places));
  }
  lines_.clear();
  bytes_ = 0;
  return going_on;
}

void Publishing::fail(std::uint64_t first, std::uint64_t last, const Error& error) {
  any_failed_ = true;
  options_.on_failure(first, last, error);
}

}  // namespace tidings::cli
