#include "real_log.hpp"

#include "log/frame.hpp"
#include "tidings/log/verify.hpp"

namespace tidings::fuzzing {

Envelope full_event(int number) {
  Envelope event;
  event.id = "id-" + std::to_string(number);
  event.type = "shop.OrderPlaced";
  event.source = "orders";
  event.subject = "subject";
  event.data_content_type = "application/json";
  event.data_schema = "https://example.org/schema";
  event.key = "k" + std::to_string(number % 2);
  event.correlation_id = "correlation";
  event.causation_id = "causation";
  event.trace_parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  event.time = TimePoint{std::chrono::seconds{1'700'000'000 + number}};
  event.version = 2;
  event.headers.set("tenant", "a");
  event.headers.set("empty", "");
  event.payload = R"({"number":)" + std::to_string(number) + "}";
  return event;
}

RealLog::RealLog() {
  make();
  // Without the megabyte of zeros that would have to be looked at each time.
  auto file = folder_.read(segment).substr(0, end_) + std::string(64, '\0');
  log::SegmentHeader header;
  std::memcpy(&header, file.data(), sizeof header);
  header.size = file.size();
  header.checksum = log::header_checksum(header);
  std::memcpy(file.data(), &header, sizeof header);
  folder_.write(segment, std::as_bytes(std::span(file)));
  require(verify(path()) == 0, "a log as Tidings writes it has no errors");
}

void RealLog::make() {
  const auto log = log::LogDirectory::open(path(), {}).or_throw();
  const auto topic =
      log->create("orders", {.partitions = partitions, .durability = tidings::Durability::memory}).or_throw();
  auto* const partition = topic->partition(0).or_throw();
  end_ = sizeof(log::SegmentHeader);
  for (int number = 0; number < 3; ++number) {
    const auto event = full_event(number);
    const auto view = event.view();
    const EnvelopeView* const one = &view;
    partition->append({&one, 1}, std::chrono::seconds{10}).or_throw();
    end_ += log::frame_bytes(view);
  }
  auto readers = topic->group("readers", true).or_throw();
  for (std::uint64_t writing = 1; writing <= 3; ++writing)
    for (std::uint32_t number = 0; number < partitions; ++number) {
      readers.read(number).or_throw();
      readers.write(number, {.sequence = writing, .generation = 1, .position = writing, .handled = writing}).or_throw();
    }
}

std::uint64_t verify(const std::string& path) {
  std::uint64_t findings = 0;
  const auto summary = log::verify_log(path, {.on_finding = [&](const log::Finding&) { ++findings; }});
  if (!summary) return 1;
  require(findings == summary->notes + summary->torn + summary->errors, "every finding is told and counted");
  return summary->errors;
}

}  // namespace tidings::fuzzing
