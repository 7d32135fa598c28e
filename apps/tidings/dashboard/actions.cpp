#include <algorithm>

#include "awaiting_pause.hpp"
#include "dashboard/answers.hpp"
#include "dashboard/api.hpp"
#include "dashboard/event_json.hpp"
#include "json_line.hpp"
#include "moving.hpp"
#include "output.hpp"
#include "place.hpp"
#include "reading.hpp"
#include "tidings/base/text.hpp"
#include "tidings/base/uuid.hpp"
#include "tidings/event/make_envelope.hpp"

// What is done: the answers to POST, each of which stands in the audit log.
namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

constexpr Duration pause_deadline = 8s;  // the page waits no longer than 15 s
constexpr std::size_t requests_kept = 32;
constexpr std::size_t argument_bytes_max = 1024;  // in the audit log

std::string texts(const std::vector<std::string>& all) {
  std::vector<std::string> out;
  for (const auto& one : all) out.push_back(json_text(one));
  return json_array(out);
}

/// At most so long, and whole characters.
std::string cut(std::string text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  auto end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

/// As the audit log has it: what was asked for, as far as the action knows it, and no payload.
std::string arguments_of(const JsonTree& body, std::span<const std::string_view> known) {
  JsonLine line;
  for (const auto name : known) {
    const auto* const member = body.find(name);
    if (member == nullptr) continue;
    if (name == "data" || member->kind == JsonTree::Kind::object || member->kind == JsonTree::Kind::array)
      line.add(name, std::to_string(to_json(*member).size()) + " bytes");
    else if (member->kind == JsonTree::Kind::text || member->scalar.size() > argument_bytes_max)
      line.add(name, cut(well_formed(member->scalar), argument_bytes_max));
    else
      line.raw(name, member->scalar);
  }
  return line.str();
}

}  // namespace

ops::HttpAnswer Api::act(const ops::HttpRequest& request, const Action& action) {
  auto body = parse_json_tree(request.body);
  if (body && body->kind != JsonTree::Kind::object)
    body = Error{"invalid_request", "the request is to be a JSON object"};
  if (!body) return answer_of(Error{"invalid_request", body.error().message});
  // What cannot be written down is not done.
  if (auto ready = in_.audit.ready(); !ready) return answer_of(ready.error());
  const auto* const verb = body->find("action");
  AuditLog::Entry entry{
      .id = make_uuid_v7(in_.clock).to_string(),
      .actor = std::string(request.peer.substr(0, request.peer.rfind(':'))),
      .action = action.name + (verb != nullptr && verb->kind == JsonTree::Kind::text && !verb->scalar.empty()
                                   ? "." + cut(well_formed(verb->scalar), 64)
                                   : ""),
      .arguments = arguments_of(*body, action.members),
      .outcome = "asked",
      .message = {}};
  const auto fine = has_only(*body, action.members);
  const auto is_dry = flag_member(*body, "dry_run");
  const bool is_tried_only = is_dry && *is_dry;
  // Who ends this process in the middle of an action leaves that it was asked for.
  auto asked = fine && is_dry && !is_tried_only ? in_.audit.add(entry, in_.clock.now()) : Result<>{};
  auto did = !fine     ? Answer(fine.error())
             : !is_dry ? Answer(is_dry.error())
             : !asked  ? Answer(asked.error())
                       : (this->*action.call)(*body);
  entry.outcome = !did ? did.error().code : is_tried_only ? "dry_run" : "done";
  entry.message = did ? "" : cut(well_formed(did.error().message), argument_bytes_max);
  if (auto written = in_.audit.add(entry, in_.clock.now()); !written && did)
    return answer_of(Error{"audit_failed", "it was done, but the audit log could not be written, and until it can " +
                                               std::string("nothing more is: ") + written.error().message});
  return answer_of(std::move(did));
}

Api::Answer Api::publish(const JsonTree& body) {
  const auto topic = text_member(body, "topic"), type = text_member(body, "type"),
             key = text_member(body, "key", false);
  if (!topic) return topic.error();
  if (!type) return type.error();
  if (!key) return key.error();
  const auto* const data = body.find("data");
  if (data == nullptr) return Error{"invalid_request", "the request lacks \"data\", the event's JSON"};
  const auto name = named(in_.common, *topic);
  if (auto valid = validate_name("topic", name); !valid) return valid.error();
  if (is_own_topic(*topic) || is_of_dead_letters(*topic))
    return Error{"invalid_request", "topic " + *topic + " is Tidings' own; nothing else is published there"};
  // A name that is misspelt must not become a topic.
  if (auto there = in_.broker.topic(name); !there) return there.error();
  auto event = begin_envelope({.source = "tidings-dashboard", .clock = &in_.clock});
  event.type = *type;
  event.key = *key;
  event.data_content_type = "application/json";
  event.payload = to_json(*data);
  const auto published = in_.broker.publish(name, std::array{event.view()});
  if (!published) return published.error();
  const auto& place = published->front();
  return JsonLine().add("id", event.id).add("partition", place.partition.value).add("offset", place.offset.value).str();
}

Api::Answer Api::pause(const JsonTree& body) {
  const auto target = text_member(body, "target");
  if (!target) return target.error();
  if (auto valid = Pausing::check(*target); !valid) return valid.error();
  const auto pauses = flag_member(body, "paused", true);
  if (!pauses) return pauses.error();
  // Who waits for a service that is silent has a thread; the others are for who looks, and for other actions.
  if (!pauses_.try_acquire())
    return Error{"busy",
                 std::to_string(pauses_max) +
                     " others wait for services to pause or to go on; nothing was asked for, try "
                     "again in " +
                     std::to_string(std::chrono::duration_cast<std::chrono::seconds>(pause_deadline).count()) + " s",
                 Retry::same_call};
  const std::unique_ptr<decltype(pauses_), void (*)(decltype(pauses_)*)> turn(&pauses_,
                                                                              [](auto* all) { all->release(); });
  auto asked = Pausing::ask(in_.broker, *target, *pauses, in_.common.name_space);
  if (!asked) return asked.error();
  std::vector<std::string> answers;
  const auto outcome = await_pause(
      *asked, pause_deadline,
      [&](const PauseAnswer& one) {
        answers.push_back(JsonLine()
                              .add("process", one.process)
                              .add("group", one.group)
                              .flag("paused", one.paused)
                              .raw("partitions", texts(one.partitions))
                              .str());
        return true;
      },
      [] { return true; });
  if (!outcome) return outcome.error();
  if (outcome->end == PauseOutcome::End::nobody && !outcome->silence.any_group) {
    // A name that nobody has is a mistake, and leaves nothing behind.
    if (auto back = asked->take_back(); !back) return back.error();
    return Error{"unknown_service", "no process answers as " + printable(*target) +
                                        ", and no group is named so or belongs to a service of that name; nothing was "
                                        "changed"};
  }
  return JsonLine().raw("answers", json_array(answers)).raw("silent", texts(outcome->silence.partitions)).str();
}

Api::Answer Api::seek(const JsonTree& body) {
  const auto group = text_member(body, "group"), topic = text_member(body, "topic"), to = text_member(body, "to");
  if (!group) return group.error();
  if (!topic) return topic.error();
  if (!to) return to.error();
  if (auto valid = check_names(in_.common, *topic, *group); !valid) return valid.error();
  const auto place = parse_place(*to, in_.clock.now());
  if (!place) return place.error();
  auto before = known_group(in_.broker, in_.common, *topic, *group, "a subscriber makes it");
  if (!before) return before.error();
  std::vector<Offset> places;
  const auto is_dry = flag_member(body, "dry_run");
  if (!is_dry) return is_dry.error();
  const auto was = before->partitions;
  if (*is_dry) {
    const auto info = in_.broker.topic(before->topic);
    if (!info) return info.error();
    auto found = places_of(in_.broker, *info, *place);
    if (!found) return found.error();
    places = std::move(*found);
  } else {
    if (std::ranges::any_of(before->partitions, &GroupPartitionInfo::owned))
      return Error{"group_active", "the group has members, which would go on from where they are: stop service " +
                                       service_of(*group) + ", and move it then"};
    std::optional<MovedInbox> inbox;
    for (const auto& url : in_.arguments.stores) {
      auto opened = MovedInbox::open(url, before->group, *topic);
      if (!opened && opened.error().code == "unknown_inbox") continue;
      if (!opened) return opened.error();
      inbox.emplace(std::move(*opened));
      break;
    }
    const auto moved = move_group(in_.broker, in_.common, std::move(*before), *place, inbox ? &*inbox : nullptr, false);
    if (!moved) return moved.error();
    for (const auto& one : moved->after.partitions) {
      if (places.size() <= one.partition.value) places.resize(one.partition.value + 1);
      places[one.partition.value] = one.position;
    }
  }
  std::vector<std::string> partitions;
  for (const auto& one : was) {
    const auto from = one.position.value;
    const auto goes = one.partition.value < places.size() ? places[one.partition.value].value : from;
    partitions.push_back(JsonLine()
                             .add("partition", one.partition.value)
                             .add("from", from)
                             .add("to", goes)
                             .add("events", goes < from ? from - goes : goes - from)
                             .add("direction", goes < from ? "replay" : "skip")
                             .str());
  }
  return JsonLine().raw("partitions", json_array(partitions)).flag("done", !*is_dry).str();
}

Api::Answer Api::drive_letters(const JsonTree& body) {
  const auto group = text_member(body, "group"), action = text_member(body, "action");
  const auto code = text_member(body, "code", false), key = text_member(body, "key", false);
  if (!group) return group.error();
  if (!action) return action.error();
  if (!code) return code.error();
  if (!key) return key.error();
  if (auto valid = check_names(in_.common, "", *group); !valid) return valid.error();
  if (*action != "redrive" && *action != "drop")
    return Error{"invalid_request", "\"action\" is redrive or drop, not '" + printable(*action) + "'"};
  DeadLetterRequest request;
  request.action = *action == "drop" ? DeadLetterRequest::Action::drop : DeadLetterRequest::Action::redrive;
  if (!code->empty()) request.filter.code = *code;
  if (!key->empty()) request.filter.key = *key;
  const auto only_first = flag_member(body, "only_first"), is_dry = flag_member(body, "dry_run");
  if (!only_first) return only_first.error();
  if (!is_dry) return is_dry.error();
  request.only_first = *only_first;
  auto read = DeadLetters::read(in_.broker, named(in_.common, *group));
  if (!read && read.error().code == "unknown_topic") return std::string(R"({"matched":0,"request":null})");
  if (!read) return read.error();
  std::uint64_t matched = 0;
  auto listed = read->for_each(request, [&](const DeadLetter&) {
    ++matched;
    return true;
  });
  if (!listed) return listed.error();
  if (*is_dry || matched == 0) return JsonLine().add("matched", matched).raw("request", "null").str();
  auto letters = std::make_shared<DeadLetters>(std::move(*read));
  auto id = letters->publish(request, in_.common.name_space);
  if (!id) return id.error();
  const std::scoped_lock lock(requests_mutex_);
  requests_[*id] = std::move(letters);
  requests_order_.push_back(*id);
  if (requests_order_.size() > requests_kept) {
    requests_.erase(requests_order_.front());
    requests_order_.erase(requests_order_.begin());
  }
  return JsonLine().add("matched", matched).add("request", *id).str();
}

Api::Answer Api::drive_outbox(const JsonTree& body) {
  const auto action = text_member(body, "action"), topic = text_member(body, "topic");
  const auto key = text_member(body, "key", false), row = text_member(body, "row", false),
             store = text_member(body, "store", false);
  if (!action) return action.error();
  if (!topic) return topic.error();
  if (!key) return key.error();
  if (!row) return row.error();
  if (!store) return store.error();
  if (*action != "redrive" && *action != "drop")
    return Error{"invalid_request", "\"action\" is redrive or drop, not '" + printable(*action) + "'"};
  const auto number = whole_number("row", *row, 0);
  if (!number) return number.error();
  auto events = in_.databases.drive_outbox({.topic = *topic, .key = *key, .row = static_cast<std::int64_t>(*number)},
                                           *action == "drop", *store);
  if (!events) return events.error();
  return JsonLine().add("events", *events).str();
}

Api::Answer Api::steer_saga(const JsonTree& body) {
  const auto type = text_member(body, "type"), id = text_member(body, "id"), action = text_member(body, "action");
  if (!type) return type.error();
  if (!id) return id.error();
  if (!action) return action.error();
  saga::Steering steering{};
  if (*action == "resume")
    steering = saga::Steering::resume;
  else if (*action == "compensate")
    steering = saga::Steering::compensate;
  else if (*action == "abandon")
    steering = saga::Steering::abandon;
  else
    return Error{"invalid_request", "\"action\" is resume, compensate or abandon, not '" + printable(*action) + "'"};
  if (auto asked = in_.databases.steer(*type, *id, steering); !asked) return asked.error();
  return std::string(R"({"asked":true})");
}

}  // namespace tidings::cli
