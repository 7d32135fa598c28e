#include "scenario.hpp"

#include <algorithm>
#include <cstring>
#include <future>
#include <ostream>
#include <utility>

#include "log/cursor.hpp"
#include "log/layout.hpp"
#include "tidings/log/verify.hpp"

namespace tidings::crash {
namespace {

using namespace std::chrono_literals;

constexpr auto log_path = "log", control_path = "log/t/0/control";

struct Silent final : LogSink {
  void write(LogLevel, std::string_view) override {}
};
Silent silent;

Envelope envelope_of(std::string id, std::string payload) {
  Envelope envelope;
  envelope.id = std::move(id);
  envelope.type = "t";
  envelope.payload = std::move(payload);
  return envelope;
}

Result<std::uint64_t> append(log::PartitionLog& log, const std::vector<Envelope>& events) {
  std::vector<EnvelopeView> views;
  views.reserve(events.size());
  for (const auto& one : events) views.push_back(one.view());
  std::vector<const EnvelopeView*> pointers;
  pointers.reserve(views.size());
  for (const auto& view : views) pointers.push_back(&view);
  return log.append(pointers, 10s);
}

template <class T>
T& at(MemoryDisk& disk, std::string_view path, std::size_t offset) {
  return *reinterpret_cast<T*>(disk.bytes(disk.find(path)) + offset);
}

}  // namespace

void PrintTo(const Scenario& scenario, std::ostream* out) {
  *out << scenario.name;
}

std::string payload_of(std::uint64_t offset, std::size_t size) {
  std::string payload(size, static_cast<char>('a' + offset % 26));
  for (std::size_t i = 0; i + 8 < size; i += 64) payload.replace(i, 8, 8, static_cast<char>(i / 64 + offset));
  return payload;
}

std::vector<std::size_t> Scenario::payloads() const {
  std::vector<std::size_t> all;
  for (const auto* const list : {&before, &ops})
    for (const auto& op : *list) all.insert(all.end(), op.payloads.begin(), op.payloads.end());
  return all;
}

std::vector<std::uint64_t> Scenario::boundaries() const {
  std::vector<std::uint64_t> all{0};
  for (const auto* const list : {&before, &ops})
    for (const auto& op : *list)
      if (op.what == Op::append) all.push_back(all.back() + op.payloads.size());
  return all;
}

Machine::Machine(const Scenario& scenario, std::uint64_t file_bytes_max)
    : disk(file_bytes_max), scenario_(scenario), payloads_(scenario.payloads()), boundaries_(scenario.boundaries()) {
  if (scenario.behind) background_ = std::make_shared<log::Background>();
}

/// What was posted before is done.
void Machine::wait_for_background() const {
  if (!background_) return;
  std::promise<void> done;
  background_->post(&done, [&] { done.set_value(); });
  done.get_future().wait();
}

Told Machine::prepare() {
  Told told;
  if (scenario_.from_nothing) return told;
  create(told).or_throw();
  std::unique_ptr<log::PartitionLog> log;
  perform(scenario_.before, log, told).or_throw();
  log.reset();
  if (scenario_.rebooted) reboot();
  return told;
}

Result<> Machine::create(Told& told) {
  auto* const files = between != nullptr ? between : &disk;
  auto opened = log::LogDirectory::open(log_path, {.log = &silent, .files = files});
  if (!opened) return opened.error();
  auto made = (*opened)->create(
      "t",
      {.partitions = 1, .durability = scenario_.durable ? tidings::Durability::durable : tidings::Durability::memory});
  if (!made) return made.error();
  told.created = 1;
  return {};
}

Result<std::unique_ptr<log::PartitionLog>> Machine::open() {
  auto& files = between != nullptr ? *between : disk;
  auto above = files.open(log_path, true);
  if (!above) return above.error();
  directory_ = std::move(*above);
  auto topic = directory_->directory("t", Directory::Create::never);
  if (!topic) return topic.error();
  auto slots = log::Slots::take(*directory_);
  if (!slots) return slots.error();
  auto wake = (*topic)->file("control", Directory::Create::if_missing);
  if (!wake) return wake.error();
  if (auto grown = (*wake)->allocate(log::TopicWake::file_bytes); !grown) return grown.error();
  auto mapping = (*wake)->map(log::TopicWake::file_bytes, true);
  if (!mapping) return mapping.error();
  log::PartitionSetting setting;
  setting.durable = scenario_.durable;
  setting.segment_bytes_first = setting.segment_bytes_max = scenario_.segment_bytes;
  setting.clock = &clock;
  setting.log = &silent;
  setting.above = directory_.get();
  setting.background = background_;
  return log::PartitionLog::open(**topic, 0, std::move(*slots), std::make_shared<log::TopicWake>(std::move(*mapping)),
                                 setting);
}

Result<> Machine::run(Told& told) {
  std::unique_ptr<log::PartitionLog> log;
  if (scenario_.from_nothing)
    if (auto made = create(told); !made) return made;
  return perform(scenario_.ops, log, told);
}

Result<> Machine::perform(const std::vector<Scenario::Op>& ops, std::unique_ptr<log::PartitionLog>& log, Told& told) {
  const auto reopen = [&]() -> Result<> {
    log.reset();
    auto opened = open();
    if (!opened) return opened.error();
    log = std::move(*opened);
    told.epoch = log->epoch();
    return {};
  };
  if (auto opened = reopen(); !opened) return opened;
  for (const auto& op : ops) {
    if (op.what == Scenario::Op::append) {
      std::vector<Envelope> batch;
      for (const auto size : op.payloads) {
        const auto offset = log->committed() + batch.size();
        batch.push_back(envelope_of(std::to_string(offset), payload_of(offset, size)));
      }
      auto first = append(*log, batch);
      if (!first) return first.error();
      told.acknowledged = *first + batch.size();
      wait_for_background();
    } else if (op.what == Scenario::Op::sync) {
      const auto end = log->committed();
      if (auto done = log->sync_to(end, 10s); !done) return done;
      told.synced = end;
    } else if (op.what == Scenario::Op::remove_old) {
      told.may_be_gone = log->committed();
      if (auto done = log->remove_old({.bytes = 1}, ~std::uint64_t{0}); !done) return done.error();
    } else if (auto opened = reopen(); !opened) {
      return opened;
    }
    if (on_told) on_told();
  }
  return {};
}

void Machine::reboot() {
  if (disk.get(control_path).size() >= sizeof(log::Control))
    at<char>(disk, control_path, offsetof(log::Control, boot_id)) = 'x';  // no boot has it
}

Machine::Seen Machine::read_all(log::PartitionLog& log, const Told& told) const {
  Seen seen;
  const auto is_wrong = [&](const std::string& why) {
    seen.wrong = "offset " + std::to_string(seen.end) + ": " + why;
    return seen;
  };
  auto earliest = log.earliest();
  if (!earliest) return {.refused = earliest.error(), .wrong = {}};
  seen.end = *earliest;
  if (*earliest > told.may_be_gone) return is_wrong("what nobody removed is gone");
  log::Cursor cursor(log);
  cursor.seek(*earliest);
  std::optional<std::uint64_t> planned_end;
  for (;; ++seen.end) {
    const auto offset = seen.end;
    auto item = cursor.next(log.visible_end());
    if (!item) seen.refused = item.error();
    if (!item || !*item) break;
    const auto& is = **item;
    if (is.offset != offset) return is_wrong("is " + std::to_string(is.offset) + ", not dense");
    const bool is_planned = is.envelope.id != "x";
    if (!is_planned && !planned_end) planned_end = offset;
    if (is_planned && planned_end) return is_wrong("stands behind what was appended later");
    if (is_planned && (offset >= payloads_.size() || is.envelope.id != std::to_string(offset)))
      return is_wrong("is '" + std::string(is.envelope.id) + "'");
    if (is.envelope.payload != (is_planned ? payload_of(offset, payloads_[offset]) : "x"))
      return is_wrong("has another payload");
    if (is.epoch < seen.epoch) return is_wrong("its epoch goes back");
    if (is.appended < seen.time) return is_wrong("its time goes back");
    seen.epoch = is.epoch;
    seen.time = is.appended;
  }
  seen.planned_end = planned_end.value_or(seen.end);
  if (!seen.refused && seen.end < log.visible_end()) return is_wrong("it ends early");
  return seen;
}

Result<std::uint64_t> Machine::append_one(log::PartitionLog& log) {
  return append(log, {envelope_of("x", "x")});
}

/// Whether this much may be left.
std::string Machine::judge(const Seen& seen, const Told& told, bool rebooted) const {
  if (!std::ranges::binary_search(boundaries_, seen.planned_end))
    return "half a batch is there, up to offset " + std::to_string(seen.planned_end);
  const auto least = rebooted ? told.synced : told.acknowledged;
  if (seen.planned_end < least || seen.end < (rebooted ? told.check_synced : told.check_acknowledged))
    return "lost from offset " + std::to_string(seen.planned_end) + " on, which was acknowledged up to " +
           std::to_string(least);
  return "";
}

/// As if the one that repaired had died before it said so: nothing but what is appended now may change.
std::string Machine::repair_again(log::PartitionLog& log) {
  const auto at_control = [&]<class T>(std::size_t offset, T) -> T& { return at<T>(disk, control_path, offset); };
  const auto first = at_control(offsetof(log::Control, segment), std::uint64_t{});
  const auto path = "log/t/0/" + log::segment_name(first);
  const auto before = disk.get(path);
  at_control(offsetof(log::Control, dirty_end), std::uint64_t{}) = scenario_.segment_bytes;
  const auto position = at_control(offsetof(log::Control, position), std::uint64_t{});
  const auto offset = log.committed();
  auto again = append_one(log);
  if (!again) return "repaired twice: " + to_string(again.error());
  if (*again != offset) return "repaired twice it ends at offset " + std::to_string(*again);
  const auto after = disk.get(path);
  if (std::string_view(before).substr(0, position) != std::string_view(after).substr(0, position))
    return "repaired twice it has other bytes";
  return "";
}

/// Nothing should have been wrong.
static std::string told_of(const Machine::Seen& seen) {
  if (!seen.refused) return seen.wrong;
  return "offset " + std::to_string(seen.end) + ": " + to_string(*seen.refused);
}

std::string Machine::check(Told& told, const Look& look) {
  const auto before = told;
  if (look.rebooted) reboot();
  if (told.created == 0)
    if (auto made = create(told); !made) return "the topic cannot be made: " + to_string(made.error());
  auto opened = open();
  if (!opened) return "cannot be opened: " + to_string(opened.error());
  auto& log = **opened;
  if (look.rebooted && log.epoch() <= told.epoch) return "the epoch is not raised";
  told.epoch = log.epoch();
  // What is seen before anybody repairs: of a durable topic what is synced.
  auto seen = read_all(log, before);
  if (const auto wrong = told_of(seen); !wrong.empty()) return "before the next append: " + wrong;
  if (auto wrong = judge(seen, before, look.rebooted || scenario_.durable); !wrong.empty())
    return "before the next append: " + wrong;

  auto next = append_one(log);
  if (!next) return "cannot be appended to: " + to_string(next.error());
  told.check_acknowledged = *next + 1;
  if (look.brief) return "";
  if (look.twice)
    if (auto wrong = repair_again(log); !wrong.empty()) return wrong;
  const auto all = log.committed();
  if (auto done = log.sync_to(all, 10s); !done) return "cannot be synced: " + to_string(done.error());
  told.check_synced = all;
  seen = read_all(log, before);
  if (const auto wrong = told_of(seen); !wrong.empty()) return wrong;
  if (auto wrong = judge(seen, before, look.rebooted); !wrong.empty()) return wrong;
  if (seen.end != all) return "not all is visible";
  if (seen.epoch > log.epoch()) return "events have a later epoch than the log";
  opened->reset();
  if (look.twice) {
    reboot();
    const auto bytes = segments();
    auto again = open();
    if (!again) return "cannot be opened after a second reboot: " + to_string(again.error());
    if (segments() != bytes) return "recovered twice it has other bytes";
    if ((*again)->committed() != all) return "recovered twice it has another end";
  }
  if (look.verify) {
    std::string found;
    log::VerifyOptions options;
    options.files = &disk;
    options.on_finding = [&](const log::Finding& finding) {
      if (finding.severity != log::Severity::note)
        found += finding.code + " " + finding.file + ": " + finding.why + "; ";
    };
    auto verified = log::verify_log(log_path, options);
    if (!verified) return "cannot be verified: " + to_string(verified.error());
    if (!found.empty()) return "verify: " + found;
  }
  return "";
}

std::uint64_t Machine::said_to_be_synced() {
  if (disk.get(control_path).size() < sizeof(log::Control)) return 0;
  return at<std::uint64_t>(disk, control_path, offsetof(log::Control, durable));
}

std::vector<std::string> Machine::quarantined() const {
  std::vector<std::string> all;
  const auto folder = disk.find("log/t/0/quarantine");
  for (const auto& entry : disk.names().entries)
    if (folder != 0 && entry.node != 0 && entry.directory == folder)
      all.push_back(disk.get(std::string("log/t/0/quarantine/") + entry.name));
  return all;
}

std::string Machine::segments() const {
  std::string all;
  const auto partition = disk.find("log/t/0");
  std::vector<std::string> names;
  for (const auto& entry : disk.names().entries)
    if (entry.node != 0 && entry.directory == partition) names.emplace_back(entry.name);
  std::ranges::sort(names);
  for (const auto& name : names)
    if (name != "control") all += name + "\n" + disk.get("log/t/0/" + name);
  return all;
}

}  // namespace tidings::crash
