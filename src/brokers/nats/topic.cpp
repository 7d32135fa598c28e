#include "brokers/nats/topic.hpp"

#include <algorithm>

#include "tidings/base/text.hpp"
#include "tidings/event/json_codec.hpp"

namespace tidings::brokers::nats {

namespace {

constexpr std::uint32_t partitions_default = 4;

/// What is given and differs, or empty.
std::string difference(const TopicRecord& there, const TopicOptions& asked) {
  const auto says = [](std::string_view what, const std::string& has, const std::string& wanted) {
    return std::string(what) + " " + has + ", not " + wanted;
  };
  if (asked.partitions != 0 && asked.partitions != there.partitions)
    return says("partitions", std::to_string(there.partitions), std::to_string(asked.partitions));
  if (asked.durability && to_string(*asked.durability) != there.durability)
    return says("durability", there.durability, std::string(to_string(*asked.durability)));
  if (asked.event_bytes_max != 0 && asked.event_bytes_max != there.event_bytes_max)
    return says("event_bytes_max", std::to_string(there.event_bytes_max), std::to_string(asked.event_bytes_max));
  if (asked.retention && *asked.retention != there.retention())
    return says("a retention of",
                bytes_text(there.retention_bytes) + " and " + std::to_string(there.retention_age_s) + " s",
                bytes_text(asked.retention->bytes) + " and " + to_text(asked.retention->age));
  return {};
}

Result<> refuse_waiting(const Retention& retention) {
  if (!retention.waits_for_groups) return {};
  return Error{"unsupported",
               "nats: removes by age and size alone, and waits for no group; leave waits_for_groups out"};
}

void warn_of_cache(const Url& url, LogSink& log, std::string_view name, const TopicRecord& record) {
  if (record.replicas > 1 || record.durability == to_string(Durability::memory)) return;
  log.write(
      LogLevel::warning,
      url.shown + ": topic " + std::string(name) + " is '" + record.durability +
          "' on one server, which answers before it syncs: a power cut there may take back what it had acknowledged. "
          "Set replicas=3, or sync_interval: always on a server that knows it");
}

}  // namespace

Error unknown_topic(std::string_view name) {
  return {"unknown_topic", "there is no topic '" + printable(name) + "'; publish to it or create it first"};
}

StreamConfig TopicRecord::stream(std::string_view topic, std::uint32_t partition) const {
  StreamConfig config;
  config.name = stream_name(topic, partition);
  config.subjects = {subject_name(topic, partition), subject_name(topic, partition) + ".*"};
  config.description = "Tidings: topic " + std::string(topic) + ", partition " + std::to_string(partition);
  config.max_age = retention_age_s * 1'000'000'000;
  config.max_bytes = retention_bytes == 0 ? -1 : static_cast<std::int64_t>(retention_bytes);
  if (retention_bytes == 0 && bytes_max != 0) {
    config.max_bytes = static_cast<std::int64_t>(bytes_max);
    config.discard = "new";
  }
  // The server takes no longer window than it keeps events.
  config.duplicate_window = config.max_age == 0 ? duplicate_window_ns : std::min(config.max_age, duplicate_window_ns);
  config.num_replicas = replicas;
  return config;
}

Result<> Topics::begin(SteadyTime until) {
  auto there = api_.stream_info(std::string(bucket_stream), until);
  if (!there) return is_jetstream(there.error(), stream_not_found) ? Result<>{} : there.error();
  has_bucket_ = true;
  warn_of_bucket(there->config);
  return {};
}

void Topics::warn_of_bucket(const StreamConfig& there) const {
  if (there.num_replicas < url_.replicas)
    options_.log->write(LogLevel::warning,
                        url_.shown + ": replicas=" + std::to_string(url_.replicas) +
                            " is for new topics alone: where groups stand is kept by " +
                            std::to_string(there.num_replicas) + (there.num_replicas == 1 ? " server" : " servers") +
                            ", as whoever made the first topic had it. Raise the replicas of stream KV_tidings with "
                            "the server's tools");
}

/// With the first topic: before that there is nothing to be kept.
Result<> Topics::make_bucket(std::string_view for_topic, SteadyTime until) {
  if (has_bucket_) return {};
  if (auto begun = begin(until); !begun || has_bucket_) return begun;
  if (options_.must_exist) return unknown_topic(for_topic);  // nothing of ours is there, and nothing is to be made
  StreamConfig bucket;
  bucket.name = bucket_stream;
  bucket.description = "Tidings: topics, groups and their positions";
  bucket.subjects = {std::string(bucket_subjects)};
  // No limit of messages for each subject, though the last alone counts: `Api::begin_put` says why.
  bucket.discard = "new";
  bucket.deny_delete = true;
  bucket.allow_rollup_hdrs = true;
  bucket.num_replicas = url_.replicas;
  auto made = api_.create_stream(bucket, until);
  if (!made && is_jetstream(made.error(), stream_name_in_use)) return begin(until);  // somebody was faster
  if (!made) return made.error();
  has_bucket_ = true;
  return {};
}

TopicRecord Topics::record_of(const TopicOptions& options) const {
  TopicRecord record;
  record.partitions = options.partitions == 0 ? partitions_default : options.partitions;
  record.durability = to_string(options.durability.value_or(Durability::durable));
  record.event_bytes_max = options.event_bytes();
  if (options.retention) {
    record.retention_bytes = options.retention->bytes;
    record.retention_age_s = std::chrono::duration_cast<std::chrono::seconds>(options.retention->age).count();
  }
  record.duplicate_window_ns = url_.duplicate_window.count();
  record.replicas = url_.replicas;
  record.bytes_max = url_.bytes_max;
  return record;
}

Result<std::optional<std::pair<TopicRecord, std::uint64_t>>> Topics::read(std::string_view name, SteadyTime until) {
  auto record = api_.get_record(topic_subject(name), until);
  if (!record) return record.error();
  std::optional<std::pair<TopicRecord, std::uint64_t>> found;
  if (!*record) return found;
  auto topic = JsonCodec::decode<TopicRecord>((*record)->value);
  if (!topic || topic->partitions == 0)
    return Error{"corrupt", "the record of topic " + std::string(name) + " is damaged; look at the key topics." +
                                to_token(name) + " of bucket tidings"};
  if (topic->format > 1)
    return Error{"newer_version", "topic " + std::string(name) + " was made by a newer release; update this one"};
  found.emplace(*topic, (*record)->revision);
  return found;
}

Result<> Topics::make_streams(std::string_view name, const TopicRecord& record, SteadyTime until) {
  for (std::uint32_t partition = 0; partition < record.partitions; ++partition) {
    const auto config = record.stream(name, partition);
    auto made = api_.create_stream(config, until);
    // Its retention has been changed, and who did so has not come so far.
    if (!made && is_jetstream(made.error(), stream_name_in_use)) made = api_.update_stream(config, until);
    if (!made) return made.error();
  }
  return {};
}

Result<std::shared_ptr<Topic>> Topics::known(std::string_view name, const TopicRecord& record, SteadyTime until) {
  if (auto made = make_streams(name, record, until); !made) return made.error();
  auto durability = parse_durability(record.durability);
  if (!durability) return durability.error();
  const std::scoped_lock lock(mutex_);
  auto& topic = topics_[std::string(name)];
  if (!topic) topic = std::make_shared<Topic>(std::string(name), record, *durability);
  return topic;
}

Result<std::shared_ptr<Topic>> Topics::make(std::string_view name, const TopicOptions& options, bool given,
                                            SteadyTime until) {
  if (auto valid = validate_name("topic", name); !valid) return valid.error();
  if (auto valid = validate(options); !valid) return valid.error();
  if (options.retention)
    if (auto valid = refuse_waiting(*options.retention); !valid) return valid.error();
  while (true) {
    auto there = read(name, until);
    if (!there) return there.error();
    if (*there) {
      if (const auto differs = difference((*there)->first, options); given && !differs.empty())
        return Error{"topic_exists_with", "topic " + std::string(name) + " is there already, with " + differs +
                                              "; leave the options out, or take another name"};
      return known(name, (*there)->first, until);
    }
    if (auto made = make_bucket(name, until); !made) return made.error();
    const auto record = record_of(options);
    std::string json;
    if (auto written = JsonCodec::encode(record, json); !written) return written.error();
    auto put = api_.put_record(topic_subject(name), json, 0, until);
    if (put) {
      warn_of_cache(url_, *options_.log, name, record);
      return known(name, record, until);
    }
    // Somebody else was first, or nobody knows: what is there now says so.
    if (!is_jetstream(put.error(), wrong_last_sequence) && put.error().retry != Retry::same_call) return put.error();
    if (steady_now() >= until) return put.error();
  }
}

Result<std::shared_ptr<Topic>> Topics::find(std::string_view name, SteadyTime until) {
  if (auto valid = validate_name("topic", name); !valid) return valid.error();
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = topics_.find(name); found != topics_.end()) return found->second;
  }
  auto there = read(name, until);
  if (!there) return there.error();
  if (!*there) return unknown_topic(name);
  return known(name, (*there)->first, until);
}

Result<std::shared_ptr<Topic>> Topics::find_or_make(std::string_view name, bool may_make, SteadyTime until) {
  auto topic = find(name, until);
  if (topic || topic.error().code != "unknown_topic" || !may_make || !options_.create_topics) return topic;
  return make(name, options_.topic_defaults, false, until);
}

void Topics::forget(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = topics_.find(name); found != topics_.end()) topics_.erase(found);
}

Result<TopicInfo> Topics::info(std::string_view name, SteadyTime until) {
  if (auto valid = validate_name("topic", name); !valid) return valid.error();
  auto there = read(name, until);
  if (!there) return there.error();
  if (!*there) return unknown_topic(name);
  const auto& record = (*there)->first;
  if (auto found = find(name, until); !found) return found.error();
  TopicInfo info{.name = std::string(name),
                 .event_bytes_max = record.event_bytes_max,
                 .retention = record.retention(),
                 .partitions = {}};
  if (const auto durability = parse_durability(record.durability)) info.durability = *durability;
  for (std::uint32_t partition = 0; partition < record.partitions; ++partition) {
    auto stream = api_.stream_info(stream_name(name, partition), until);
    if (!stream) return stream.error();
    info.partitions.push_back({Partition{partition}, Offset{stream->state.earliest()}, Offset{stream->state.end()}});
  }
  return info;
}

Result<std::vector<std::string>> Topics::names(SteadyTime until) {
  auto tokens = api_.records(std::string(topics_prefix), until);
  if (!tokens) return tokens.error();
  for (auto& token : *tokens) token = from_token(token);
  std::ranges::sort(*tokens);
  return tokens;
}

Result<> Topics::set_retention(std::string_view name, const Retention& retention, SteadyTime until) {
  if (auto valid = validate_name("topic", name); !valid) return valid;
  if (auto valid = validate(retention); !valid) return valid;
  if (auto valid = refuse_waiting(retention); !valid) return valid;
  while (true) {
    auto there = read(name, until);
    if (!there) return there.error();
    if (!*there) return unknown_topic(name);
    auto [record, revision] = **there;
    record.retention_bytes = retention.bytes;
    record.retention_age_s = std::chrono::duration_cast<std::chrono::seconds>(retention.age).count();
    std::string json;
    if (auto written = JsonCodec::encode(record, json); !written) return written.error();
    auto put = api_.put_record(topic_subject(name), json, revision, until);
    if (put) {
      for (std::uint32_t partition = 0; partition < record.partitions; ++partition)
        if (auto updated = api_.update_stream(record.stream(name, partition), until); !updated) return updated.error();
      return {};
    }
    if (!is_jetstream(put.error(), wrong_last_sequence) && put.error().retry != Retry::same_call) return put.error();
    if (steady_now() >= until) return put.error();
  }
}

}  // namespace tidings::brokers::nats
