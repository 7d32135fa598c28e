#include "brokers/nats/producing.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <thread>

#include "brokers/nats/event_message.hpp"
#include "tidings/broker/in_flight.hpp"

namespace tidings::brokers::nats {

namespace {

constexpr std::string_view producer_header = "tidings-producer";  // EPOCH/SEQUENCE/RUN
constexpr std::size_t sent_at_once_max = 256;
constexpr std::size_t bytes_at_once_max = std::size_t{8} << 20;
constexpr auto pause_after_trouble = std::chrono::milliseconds{50};

std::optional<ProducerTable::Entry> read_entry(const Producer& producer, const Record& record) {
  const auto mark = "\r\n" + std::string(producer_header) + ": ";
  const auto begin = record.headers.find(mark);
  if (begin == std::string::npos) return std::nullopt;
  std::string_view text(record.headers);
  text.remove_prefix(begin + mark.size());
  text = text.substr(0, text.find('\r'));
  std::array<std::uint64_t, 3> numbers{};
  for (auto& number : numbers) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with('/')) text.remove_prefix(1);
  }
  return ProducerTable::Entry{.id = producer.id,
                              .sequence = numbers[1],
                              .offset = record.revision - 1,
                              .time = record.written.time_since_epoch().count(),
                              .epoch = static_cast<std::uint32_t>(numbers[0]),
                              .run = static_cast<std::uint32_t>(numbers[2])};
}

HeaderList headers_of(const EnvelopeView& event, const Producer& producer, std::uint64_t sequence, std::uint32_t run) {
  auto headers = event_headers(event);
  // Its own numbers name it; an id may come again, of another producer, or of none.
  headers.front().second =
      "producer/" + std::to_string(producer.id) + "/" + std::to_string(producer.epoch) + "/" + std::to_string(sequence);
  headers.emplace_back(producer_header,
                       std::to_string(producer.epoch) + "/" + std::to_string(sequence) + "/" + std::to_string(run));
  return headers;
}

bool is_another_at_the_end(const Error& error) {
  return is_jetstream(error, wrong_last_sequence) || is_jetstream(error, wrong_last_message_id);
}

}  // namespace

std::string Producing::name_of(const Appending& appending) const {
  return "topic " + topic_->name() + ", partition " + std::to_string(appending.part.partition.value);
}

Result<std::vector<Published>> Producing::publish(std::span<const EnvelopeView> events, const PublishOptions& options) {
  const auto until = deadline_after(steady_now(), options.wait_max);
  auto routing = route(events, options, topic_->partitions(), topic_->event_bytes_max(), 0);
  if (!routing) return routing.error();
  const auto& producer = *options.producer;
  constexpr std::uint64_t longest = ~std::uint64_t{0};
  const auto payload_max = api_.link().payload_max();
  for (const auto& event : events) {
    const auto headers = headers_of(event, producer, longest, ~std::uint32_t{0});
    const auto bytes_max = accepted_bytes_max(topic_->name(), event, payload_max);
    const auto bytes = message_bytes(headers, event.payload.size()) + expectation_bytes(headers.front().second);
    if (bytes > bytes_max) return too_large(topic_->name(), bytes, bytes_max);
  }
  bool may_be_written = false;
  for (const auto& part : routing->parts) {
    Appending appending{.producer = producer, .part = part, .places = {}};
    auto appended = append(appending, until);
    may_be_written = may_be_written || appending.may_be_written;
    if (!appended && may_be_written && appended.error().code != "fenced")
      return Error{"outcome_unknown",
                   name_of(appending) + ": some or all of the events may have been written (" + appended.error().code +
                       ": " + appended.error().message + "); publish them again under the same sequences",
                   Retry::same_call};
    if (!appended) return appended.error();
    std::size_t index = 0;
    for (auto& place : routing->places) {
      if (place.partition != part.partition) continue;
      place.offset = Offset{appending.places[index].offset};
      place.is_exact = appending.places[index].is_exact;
      place.is_duplicate = index < appending.duplicates;
      ++index;
    }
  }
  return std::move(routing->places);
}

Result<> Producing::append(Appending& appending, SteadyTime until) {
  const auto& producer = appending.producer;
  const std::span<const std::uint64_t> sequences(appending.part.sequences);
  const auto key = std::pair(appending.part.partition.value, producer.id);
  std::optional<Entry> last;
  bool is_fresh = false;
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = last_.find(key); found != last_.end()) last = found->second;
  }
  Result<> trouble;
  while (true) {
    // What is known from before is good enough to try with, not to call something a duplicate.
    if (!last && !is_fresh) {
      auto read = last_of(appending, until);
      if (!read) return read.error();
      last = *read;
      is_fresh = true;
    }
    ProducerTable table;
    if (last) (void)table.restore({&*last, 1});
    const auto judged = table.judge(producer.id, producer.epoch, sequences.subspan(appending.places.size()));
    if (!is_fresh && (judged.fenced_by || !judged.duplicates.empty())) {
      last.reset();
      continue;
    }
    if (judged.fenced_by) return fenced(name_of(appending), producer, *judged.fenced_by);
    for (const auto& place : judged.duplicates) {
      // What this call has sent itself, and got no answer for, was not there before.
      if (appending.places.size() >= appending.sent && appending.duplicates == appending.places.size())
        ++appending.duplicates;
      appending.places.push_back(place);
    }
    if (appending.places.size() == sequences.size()) break;
    if (steady_now() >= until) {
      if (!trouble) return trouble;
      return Error{"backpressure", name_of(appending) + ": the NATS server has not answered within wait_max",
                   Retry::same_call};
    }
    trouble = send_more(appending, last, until);
    if (trouble) continue;  // the next ones, behind the last, which is known
    if (trouble.error().retry == Retry::never && !is_another_at_the_end(trouble.error())) return trouble;
    if (steady_now() >= until) return trouble;
    if (!is_another_at_the_end(trouble.error())) std::this_thread::sleep_for(pause_after_trouble);
    last.reset();
    is_fresh = false;
  }
  const std::scoped_lock lock(mutex_);
  constexpr std::size_t known_max = ProducerTable::producers_max;
  if (last_.size() >= known_max) last_.clear();
  if (last) last_[key] = *last;
  return {};
}

Result<std::optional<ProducerTable::Entry>> Producing::last_of(const Appending& appending, SteadyTime until) {
  const auto partition = appending.part.partition.value;
  auto record = api_.get_last(topic_->stream(partition),
                              producer_subject(topic_->name(), partition, appending.producer.id), until);
  if (!record) return record.error();
  if (!*record) return std::optional<Entry>{};
  auto entry = read_entry(appending.producer, **record);
  if (!entry)
    return Error{"corrupt", name_of(appending) + ": the last event of producer " +
                                std::to_string(appending.producer.id) + " does not say its sequence"};
  return entry;
}

/// Sends the next events of a call, at most so many as may be on their way, and takes down which were stored.
Result<> Producing::send_more(Appending& appending, std::optional<Entry>& last, SteadyTime until) {
  const auto& part = appending.part;
  const auto partition = part.partition.value;
  const auto subject = producer_subject(topic_->name(), partition, appending.producer.id);
  std::vector<std::shared_ptr<Answer>> answers;
  std::vector<std::uint32_t> runs;
  std::string before;
  std::size_t bytes = 0;
  if (!api_.link().wait_connected(until))
    return Error{"backpressure", api_.link().shown() + ": there was no connection within wait_max", Retry::same_call};
  for (auto index = appending.places.size(); index < part.events.size() && answers.size() < sent_at_once_max; ++index) {
    const auto sequence = part.sequences[index];
    const auto& event = *part.events[index];
    bytes += event.payload.size();
    if (!answers.empty() && bytes > bytes_at_once_max) break;
    // Right behind the one before, so a run goes on where the sequence does.
    const bool follows = !runs.empty() && sequence == part.sequences[index - 1] + 1;
    runs.push_back(follows ? runs.back() + 1 : 0);
    auto headers = headers_of(event, appending.producer, sequence, runs.back());
    auto id = headers.front().second;
    if (before.empty())
      headers.emplace_back("Nats-Expected-Last-Subject-Sequence", std::to_string(last ? last->offset + 1 : 0));
    else
      headers.emplace_back("Nats-Expected-Last-Msg-Id", before);
    auto asked = api_.link().ask(subject, event.payload, headers);
    if (!asked) {
      if (answers.empty()) return asked.error();
      break;
    }
    answers.push_back(std::move(*asked));
    before = std::move(id);
    appending.sent = std::max(appending.sent, index + 1);
  }
  for (std::size_t index = 0; index < answers.size(); ++index) {
    auto stored = Api::finish_put(*answers[index], std::min(until, steady_now() + answer_within));
    if (!stored) {
      // Whatever was sent and is not known to be refused may be there, or come there.
      if (!is_another_at_the_end(stored.error()) && stored.error().code != "no_responders")
        appending.may_be_written = true;
      return stored.error();
    }
    appending.may_be_written = true;
    appending.places.push_back({*stored - 1, true});
    last = Entry{.id = appending.producer.id,
                 .sequence = part.sequences[appending.places.size() - 1],
                 .offset = *stored - 1,
                 .time = 0,
                 .epoch = appending.producer.epoch,
                 .run = runs[index]};
  }
  return {};
}

}  // namespace tidings::brokers::nats
