#include "service/tracing.hpp"

#include <utility>

#include "service/source.hpp"

namespace tidings::service {

namespace {

thread_local int untraced = 0;
constexpr std::size_t links_max = 128;  // as SDKs have it

std::string text(std::string_view of) {
  return std::string(of);
}

}  // namespace

Untraced::Untraced() {
  ++untraced;
}
Untraced::~Untraced() {
  --untraced;
}

std::vector<ops::Attribute> Tracing::attributes(std::string_view name, std::string_view type,
                                                std::string_view topic) const {
  return {{"messaging.system", system_},
          {"messaging.operation.name", text(name)},
          {"messaging.operation.type", text(type)},
          {"messaging.destination.name", text(topic)}};
}

void Tracing::fail(ops::SpanData& span, const Error& error) {
  span.error = to_string(error);
  span.attributes.push_back({"error.type", error.code});
}

void Tracing::published(Operation operation, std::string_view topic, std::span<const EnvelopeView> events,
                        TimePoint began, const Result<>& done) const {
  if (untraced > 0) return;
  const std::string name = operation == Operation::send ? "publish" : "enqueue";
  const auto ended = now();
  const auto& current = ops::Tracer::current();
  for (const auto& event : events) {
    const auto self = parse_trace_parent(event.trace_parent);
    if (!self || !self->is_sampled() || event.source != service_) continue;
    ops::SpanData span{.self = *self,
                       .name = name + " " + text(topic),
                       .kind = ops::SpanKind::producer,
                       .start = began,
                       .end = ended,
                       .attributes = attributes(name, operation == Operation::send ? "send" : "create", topic)};
    if (current.is_of_same_trace(*self))
      span.parent = current.span;
    else if (current.is_valid())
      span.links.push_back(current);
    span.attributes.push_back({"messaging.message.id", text(event.id)});
    span.attributes.push_back({"messaging.message.conversation_id", text(event.correlation_id)});
    span.attributes.push_back({"tidings.event.type", text(event.type)});
    if (!done) fail(span, done.error());
    tracer_.end(std::move(span));
  }
}

void Tracing::relayed(std::string_view topic, std::span<const EnvelopeView> events, TimePoint began) const {
  const auto ended = now();
  for (const auto& event : events) {
    const auto created = parse_trace_parent(event.trace_parent);
    if (!created || !created->is_sampled()) continue;
    ops::SpanData span{.self = tracer_.begin(*created),
                       .parent = created->span,
                       .name = "relay " + text(topic),
                       .kind = ops::SpanKind::client,
                       .start = began,
                       .end = ended,
                       .attributes = attributes("relay", "send", topic)};
    span.attributes.push_back({"messaging.message.id", text(event.id)});
    span.attributes.push_back({"messaging.batch.message_count", static_cast<std::int64_t>(events.size())});
    tracer_.end(std::move(span));
  }
}

void Tracing::delivered(const Task& task, std::string_view handler, std::string_view group) const {
  if (!task.trace) return;
  const auto& envelope = task.delivery.envelope;
  const auto parent = parse_trace_parent(envelope.trace_parent);
  const std::string topic = task.source->topic;
  ops::SpanData span{.self = task.trace->self,
                     .parent = parent ? parent->span : 0,
                     .name = "deliver " + topic,
                     .kind = ops::SpanKind::consumer,
                     .start = task.trace->came,
                     .end = now(),
                     .attributes = attributes("deliver", "receive", topic)};
  span.attributes.push_back({"messaging.message.id", text(envelope.id)});
  span.attributes.push_back({"messaging.consumer.group.name", text(group)});
  span.attributes.push_back({"messaging.destination.partition.id", std::to_string(task.delivery.id.partition.value)});
  span.attributes.push_back({"tidings.handler", text(handler)});
  span.attributes.push_back({"tidings.offset", static_cast<std::int64_t>(task.delivery.id.offset.value)});
  if (task.failure) fail(span, *task.failure);
  tracer_.end(std::move(span));
}

TraceParent Tracing::begin_attempt(Task* first, std::size_t size) const {
  for (auto* task = first; task != nullptr; task = task->next) {
    if (task->trace) continue;
    const auto parent = parse_trace_parent(task->delivery.envelope.trace_parent);
    task->trace = std::make_unique<Task::Trace>(
        Task::Trace{.self = tracer_.begin(parent.value_or(TraceParent{})), .came = now()});
  }
  return tracer_.begin(size == 1 ? first->trace->self : TraceParent{});
}

void Tracing::attempted(const TraceParent& self, Task* first, std::size_t size, std::span<detail::Handler::Item> items,
                        std::string_view handler, std::string_view group, TimePoint began, const Result<>& done) const {
  if (!self.is_sampled()) return;
  const std::string topic = first->source->topic;
  ops::SpanData span{.self = self,
                     .parent = size == 1 ? first->trace->self.span : 0,
                     .name = "process " + topic,
                     .kind = ops::SpanKind::consumer,
                     .start = began,
                     .end = now(),
                     .attributes = attributes("process", "process", topic)};
  span.attributes.push_back({"messaging.consumer.group.name", text(group)});
  span.attributes.push_back({"tidings.handler", text(handler)});
  if (size == 1) {
    span.attributes.push_back({"messaging.message.id", text(items.front().envelope->id)});
    span.attributes.push_back({"tidings.attempt", static_cast<std::int64_t>(first->attempt())});
  } else {
    span.attributes.push_back({"messaging.batch.message_count", static_cast<std::int64_t>(items.size())});
    for (const auto* task = first; task != nullptr && span.links.size() < links_max; task = task->next)
      span.links.push_back(task->trace->self);
  }
  if (!done)
    fail(span, done.error());
  else if (size == 1 && items.front().undecodable)
    fail(span, *items.front().undecodable);
  tracer_.end(std::move(span));
}

void Tracing::moved(std::string_view saga, std::string_view id, TimePoint began, const Result<>& done) const {
  const auto& current = ops::Tracer::current();
  if (!current.is_valid() || !current.is_sampled()) return;
  ops::SpanData span{.self = tracer_.begin(current),
                     .parent = current.span,
                     .name = "saga " + text(saga),
                     .start = began,
                     .end = now(),
                     .attributes = {{"tidings.saga.name", text(saga)}, {"tidings.saga.id", text(id)}}};
  if (!done) fail(span, done.error());
  tracer_.end(std::move(span));
}

}  // namespace tidings::service
