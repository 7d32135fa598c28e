#include "brokers/nats/group_store.hpp"

#include <algorithm>

#include "brokers/nats/names.hpp"
#include "tidings/event/json_codec.hpp"

namespace tidings::brokers::nats {

namespace {

template <class T>
Result<T> read_record(std::string_view what, const std::string& json) {
  auto record = JsonCodec::decode<T>(json);
  if (!record)
    return Error{"corrupt",
                 "the record of " + std::string(what) + " in bucket tidings is damaged: " + record.error().message};
  if (record->format > 1)
    return Error{"newer_version", "the record of " + std::string(what) + " is of a newer release; update this one"};
  return record;
}

template <class T>
Result<std::string> write_record(const T& record) {
  std::string json;
  if (auto written = JsonCodec::encode(record, json); !written) return written.error();
  return json;
}

/// After which what is there must be looked at again.
bool may_go_on(const Error& error) {
  return is_jetstream(error, wrong_last_sequence) || error.retry == Retry::same_call;
}

}  // namespace

Result<GroupStore::Seen> GroupStore::read(SteadyTime until) {
  auto record = api_.get_record(group_subject(topic_, group_), until);
  if (!record) return record.error();
  Seen seen;
  if (*record) {
    auto group = read_record<GroupRecord>("group " + group_, (*record)->value);
    if (!group) return group.error();
    seen = {std::move(*group), (*record)->revision, (*record)->written};
  }
  seen.record.places.resize(partitions_);
  return seen;
}

Result<GroupStore::Seen> GroupStore::change(std::optional<Seen> seen,
                                            const std::function<Result<bool>(GroupRecord&)>& change, bool tells,
                                            SteadyTime until) {
  while (true) {
    if (!seen) {
      auto now = read(until);
      if (!now) return now.error();
      seen = std::move(*now);
    }
    auto changed = change(seen->record);
    if (!changed) return changed.error();
    if (!*changed) return std::move(*seen);
    auto json = write_record(seen->record);
    if (!json) return json.error();
    auto put = api_.put_record(group_subject(topic_, group_), *json, seen->revision, until);
    if (put) {
      seen->revision = *put;
      if (tells) (void)api_.link().send(change_subject(topic_, group_), "");
      return std::move(*seen);
    }
    if (!may_go_on(put.error()) || steady_now() >= until) return put.error();
    seen.reset();
  }
}

Result<> GroupStore::remove(SteadyTime until) {
  if (auto gone = api_.purge_records(positions_prefix(topic_, group_) + "*", until); !gone) return gone;
  return api_.purge_records(group_subject(topic_, group_), until);
}

Result<GroupStore::Position> GroupStore::position(std::uint32_t partition, SteadyTime until) {
  auto record = api_.get_record(position_subject(topic_, group_, partition), until);
  if (!record) return record.error();
  Position position;
  if (*record) {
    auto read =
        read_record<PositionRecord>("group " + group_ + ", partition " + std::to_string(partition), (*record)->value);
    if (!read) return read.error();
    position = {*read, (*record)->revision};
  }
  return position;
}

Result<bool> GroupStore::holds(const std::string& member, std::uint32_t partition, SteadyTime until) {
  auto seen = read(until);
  if (!seen) return seen.error();
  return seen->record.places.at(partition).holder == member;
}

Result<GroupStore::Position> GroupStore::take(std::uint32_t partition, const std::function<void(PositionRecord&)>& move,
                                              SteadyTime until) {
  while (true) {
    auto there = position(partition, until);
    if (!there) return there.error();
    if (there->revision == 0 && !move) {  // the server has lost it: `Api::begin_put`
      auto group = read(until);
      if (!group) return group.error();
      api_.link().log().write(LogLevel::error, "nats: the server has lost where group " + group_ +
                                                   " stands in partition " + std::to_string(partition) + " of topic " +
                                                   topic_ + "; it begins again with the first event kept");
      there->record.epoch = group->revision;  // above every epoch before it, each of which took a revision
    }
    ++there->record.epoch;
    there->record.settled_beyond = 0;
    if (move) move(there->record);
    auto json = write_record(there->record);
    if (!json) return json.error();
    auto put = api_.put_record(position_subject(topic_, group_, partition), *json, there->revision, until);
    if (put) return Position{there->record, *put};
    if (!may_go_on(put.error()) || steady_now() >= until) return put.error();
  }
}

Result<std::shared_ptr<Answer>> GroupStore::begin_put(std::uint32_t partition, const PositionRecord& record,
                                                      std::uint64_t revision) {
  auto json = write_record(record);
  if (!json) return json.error();
  return api_.begin_put(position_subject(topic_, group_, partition), *json, revision);
}

Result<> GroupStore::make_positions(const std::vector<std::uint64_t>& positions, SteadyTime until) {
  for (std::uint32_t partition = 0; partition < positions.size(); ++partition) {
    auto json = write_record(PositionRecord{.position = positions[partition]});
    if (!json) return json.error();
    while (true) {
      auto put = api_.put_record(position_subject(topic_, group_, partition), *json, 0, until);
      if (put || is_jetstream(put.error(), wrong_last_sequence)) break;  // it is there
      if (put.error().retry != Retry::same_call || steady_now() >= until) return put.error();
    }
  }
  return {};
}

Result<std::vector<std::uint64_t>> resolve(Api& api, std::string_view topic, std::uint32_t partitions,
                                           const Start& start, SteadyTime until) {
  std::vector<std::uint64_t> offsets;
  for (std::uint32_t partition = 0; partition < partitions; ++partition) {
    const auto stream = stream_name(topic, partition);
    if (const auto* time = std::get_if<TimePoint>(&start.at)) {
      // A consumer that begins there says where that is.
      ConsumerConfig config;
      config.name = api.link().new_token();
      config.deliver_policy = "by_start_time";
      config.opt_start_time = to_rfc3339(*time);
      config.inactive_threshold = Duration{std::chrono::seconds{5}}.count();
      auto first = api.create_consumer(stream, config, until);
      if (!first) return first.error();
      api.delete_consumer(stream, config.name);
      offsets.push_back(*first - 1);
      continue;
    }
    auto info = api.stream_info(stream, until);
    if (!info) return info.error();
    const auto earliest = info->state.earliest();
    const auto end = info->state.end();
    if (const auto offset = start.offset_in(Partition{partition}))
      offsets.push_back(std::clamp(offset->value, earliest, end));
    else
      offsets.push_back(std::holds_alternative<Start::Latest>(start.at) ? end : earliest);
  }
  return offsets;
}

}  // namespace tidings::brokers::nats
