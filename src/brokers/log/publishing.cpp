#include <system_error>
#include <utility>

#include "brokers/log/log_broker.hpp"

namespace tidings::brokers::log {

/// Where the topic was deleted since it was found: to the one of its name that is there now.
Result<LogBroker::Written> LogBroker::write(const std::shared_ptr<TopicLog>& topic,
                                            std::span<const EnvelopeView> events, const PublishOptions& options) {
  auto written = write_to(topic, events, options);
  if (written || written.error().code != "unknown_topic") [[likely]]
    return written;
  return with_topic(topic->name(), true, [&](const std::shared_ptr<TopicLog>& now) {
    auto next = write_to(now, events, options);
    if (next) next->topic = now;  // the caller has another
    return next;
  });
}

Result<LogBroker::Written> LogBroker::write_to(const std::shared_ptr<TopicLog>& topic,
                                               std::span<const EnvelopeView> events, const PublishOptions& options) {
  if (events.size() == 1 && !options.producer) return write_single(topic, events.front(), options);
  const auto& meta = topic->meta();
  auto routing =
      route(events, options, meta.partitions, meta.event_bytes_max, keyless_.fetch_add(1, std::memory_order_relaxed));
  if (!routing) return routing.error();
  const bool synced = meta.durability == Durability::durable || options.wait_for == Durability::durable;
  if (meta.durability == Durability::interval) sync_in_background(topic);
  Written written;
  // Looked at by who waits, and by who goes on to a second step: the clock is a part of what one small event costs.
  const bool is_one_step = !synced && routing->parts.size() == 1;
  if (!is_one_step) written.until = deadline_after(std::chrono::steady_clock::now(), options.wait_max);
  const auto wait_left = [&] { return is_one_step ? options.wait_max : left(written.until); };
  bool any_written = false;
  for (const auto& part : routing->parts) {
    auto partition = topic->partition(part.partition.value, wait_left());
    if (options.producer) {
      auto end = partition ? write_once(**partition, part, *options.producer, *routing, wait_left())
                           : Result<std::uint64_t>{partition.error()};
      if (!end) {
        if (!any_written || end.error().code == "fenced") return end.error();
        return Error{"outcome_unknown",
                     "some of the events were published, then " + to_string(end.error()) +
                         "; publish all again under the same sequences",
                     Retry::same_call};
      }
      any_written = true;
      if (synced) written.until_durable.push_back({*partition, *end});
      continue;
    }
    auto first = partition ? (*partition)->append(part.events, wait_left()) : partition.error();
    if (!first) {
      if (!any_written) return first.error();
      return Error{"outcome_unknown",
                   "some of the events were published, then " + to_string(first.error()) +
                       "; publish all again under the same ids",
                   Retry::same_call};
    }
    any_written = true;
    if (synced) written.until_durable.push_back({*partition, *first + part.events.size()});
    routing->set_first(part.partition, Offset{*first});
  }
  written.places = std::move(routing->places);
  return written;
}

/// One event of nobody's, as most publishes are: by the same checks to the same partition, and nothing is allocated for
/// its way.
Result<LogBroker::Written> LogBroker::write_single(const std::shared_ptr<TopicLog>& topic, const EnvelopeView& event,
                                                   const PublishOptions& options) {
  const auto& meta = topic->meta();
  const bool takes_turns = event.key.empty() && meta.partitions > 1;
  auto to = route(event, options.partition, meta.partitions, meta.event_bytes_max,
                  takes_turns ? keyless_.fetch_add(1, std::memory_order_relaxed) : 0);
  if (!to) return to.error();
  const bool synced = meta.durability == Durability::durable || options.wait_for == Durability::durable;
  if (meta.durability == Durability::interval) sync_in_background(topic);
  Written written;
  // The clock is a part of what one small event costs: only who goes on to wait for a sync looks at it.
  if (synced) written.until = deadline_after(std::chrono::steady_clock::now(), options.wait_max);
  auto partition = topic->partition(to->value, options.wait_max);
  if (!partition) return partition.error();
  const EnvelopeView* const events[] = {&event};
  auto first = (*partition)->append(events, synced ? left(written.until) : options.wait_max);
  if (!first) return first.error();
  if (synced) written.until_durable.push_back({*partition, *first + 1});
  written.places.push_back({*to, Offset{*first}});
  return written;
}

/// Returns before which offset all events of the part stand, also those that were there before.
Result<std::uint64_t> LogBroker::write_once(PartitionLog& partition, const Routing::Part& part,
                                            const Producer& producer, Routing& routing, Duration wait_max) {
  auto once =
      partition.append_once(part.events, {.id = producer.id, .epoch = producer.epoch}, part.sequences, wait_max);
  if (!once) return once.error();
  if (once->before.fenced_by) return fenced(partition.path(), producer, *once->before.fenced_by);
  routing.set_first(part.partition, Offset{once->first}, once->before.duplicates);
  return once->end;
}

Result<std::vector<Published>> LogBroker::finish(Written written) {
  for (const auto& [partition, end] : written.until_durable)
    if (auto done = partition->sync_to(end, left(written.until)); !done) return done.error();
  return std::move(written.places);
}

Result<std::vector<Published>> LogBroker::publish(std::string_view name, std::span<const EnvelopeView> events,
                                                  const PublishOptions& options) {
  auto topic = existing_or_new(name, true);
  if (!topic) return topic.error();
  auto written = write(*topic, events, options);
  if (!written) return written.error();
  return finish(std::move(*written));
}

/// Appended one after another, and synced together: one sync is for all that was appended before it.
class LogBroker::Steps final : public TwoStepPublish {
 public:
  Steps(LogBroker& broker, std::shared_ptr<TopicLog> topic) : broker_(broker), topic_(std::move(topic)) {}
  Result<Finish> begin(std::span<const EnvelopeView> events, const PublishOptions& options) override {
    if (broker_.closed_) return closed();
    auto written = broker_.write(topic_, events, options);
    if (!written && written.error().code != "outcome_unknown") return written.error();
    if (!written) return Finish{[error = written.error()] { return Result<std::vector<Published>>{error}; }};
    return Finish{[written = std::move(*written)]() mutable { return finish(std::move(written)); }};
  }

 private:
  LogBroker& broker_;
  const std::shared_ptr<TopicLog> topic_;
};

Result<std::unique_ptr<Publisher>> LogBroker::publisher(std::string_view name, const PublisherOptions& options) {
  if (auto valid = validate(options); !valid) return valid.error();
  auto topic = existing_or_new(name, true);
  if (!topic) return topic.error();
  try {
    return make_publisher(std::make_unique<Steps>(*this, std::move(*topic)), options);
  } catch (const std::system_error& none) {
    return Error{"no_thread", std::string("a publisher needs a thread, and the system has none: ") + none.what(),
                 Retry::same_call};
  }
}

}  // namespace tidings::brokers::log
