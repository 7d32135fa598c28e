#include "service/handling.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "service/registrations.hpp"
#include "service/shown.hpp"
#include "tidings/service/names.hpp"

namespace tidings::service {

namespace {

using namespace std::chrono_literals;

/// A process that shares nothing and remembers nothing has no keys that wait for what is driven again.
HandlerOptions as_instance(const Host& host, HandlerOptions options) {
  if (remembers_nothing(host, options)) options.after_parked = AfterParked::go_on;
  return options;
}

}  // namespace

Handling::Handling(Host& host, std::string name, HandlerOptions options, std::unique_ptr<detail::Handler> handler,
                   std::function<void()> wants_flush)
    : host_(host),
      name_(std::move(name)),
      group_(group_name(host, name_, options)),
      options_(as_instance(host, options)),
      handler_(std::move(handler)),
      wants_flush_(std::move(wants_flush)),
      measures_(host.measures == nullptr
                    ? std::nullopt
                    : std::optional<HandlerMeasures>(std::in_place, host.measures->registry, name_)),
      parking_(host, name_, group_, options_, *this),
      effects_(handler_->takes_transaction() ? std::make_unique<Effects>(host, group_, handler_->locks_what_it_reads(),
                                                                         measures_ ? &measures_->duplicates : nullptr)
                                             : nullptr),
      turns_(host, name_, group_, parking_, options_, *handler_, effects_.get(), measures_ ? &*measures_ : nullptr),
      lanes_(options.in_flight_max,
             handler_->takes_batches() || handler_->mixes_keys() ? std::max<std::size_t>(options.batch_max, 1) : 1,
             handler_->takes_batches() ? options.batch_wait : Duration::zero(), handler_->mixes_keys()),
      gate_(options.rate, options.breaker),
      settling_(host, name_, options.in_flight_max, stopping_, ended_) {}

Handling::~Handling() {
  begin_stop();
  for (auto& fetcher : fetchers_)
    if (fetcher.joinable()) fetcher.join();
  for (auto& worker : workers_)
    if (worker->thread.joinable()) worker->thread.join();
  (void)parking_.wait_ended(std::chrono::steady_clock::now() + 1h);
}

Result<> Handling::subscribe() {
  is_remembered_ = host_.broker->capabilities().attempts_survive_crash;
  const auto kinds = handler_->kinds();
  for (std::uint32_t kind = 0; kind < kinds.size(); ++kind) {
    auto source = std::ranges::find_if(sources_, [&](const auto& known) { return known->topic == kinds[kind].topic; });
    if (source == sources_.end()) {
      source = sources_.insert(source, std::make_unique<Source>());
      (*source)->index = sources_.size() - 1;
      (*source)->topic = kinds[kind].topic;
      (*source)->broker_topic = in_namespace(host_.name_space, kinds[kind].topic);
    }
    (*source)->kinds.push_back(kind);
  }
  for (auto& source : sources_) {
    // A database that is away is waited for once there is something to do.
    if (effects_)
      if (auto fine = effects_->prepare(source->topic); !fine && fine.error().retry == Retry::never) return fine;
    auto consumer = join(*source);
    if (!consumer) return consumer.error();
    source->consumer = std::move(*consumer);
  }
  return {};
}

bool Handling::is_reader() const {
  return remembers_nothing(host_, options_);
}

Result<std::unique_ptr<Consumer>> Handling::join(const Source& source) {
  // One that joins again goes on with what came since the last that it saw, which may come once more.
  const auto reads_from = source.seen_last == TimePoint{} ? Start::latest() : Start::time(source.seen_last);
  return host_.broker->subscribe(source.broker_topic, {.group = is_reader() ? "" : group_,
                                                       .start = is_reader() ? reads_from : options_.start,
                                                       .in_flight_max = options_.in_flight_max,
                                                       .settle_within = options_.settle_within,
                                                       .create_topic = host_.create_topics});
}

void Handling::start() {
  const std::scoped_lock lock(mutex_);
  const auto lanes = handler_->takes_batches() ? 1 : options_.concurrency;
  alive_ = lanes + sources_.size();
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    auto& worker = *workers_.emplace_back(std::make_unique<Worker>());
    worker.thread = std::thread([this, &worker] { work_loop(worker); });
  }
  for (auto& source : sources_) fetchers_.emplace_back([this, at = source.get()] { fetch_loop(*at); });
  if (paused_by_request_)
    host_.say(LogLevel::warning,
              name_ + " starts paused by " + paused_why_ + ": it begins nothing before `tidings resume`");
}

void Handling::pause(bool paused, Pauser by, const std::string& why) {
  const std::scoped_lock lock(mutex_);
  if (std::exchange(by == Pauser::request ? paused_by_request_ : paused_by_program_, paused) == paused) return;
  if (by == Pauser::request) paused_why_ = why;
  gate_.set_paused(paused_by_program_ || paused_by_request_);
  if (workers_.empty()) return;  // `start` says so
  auto line = name_ + (paused ? " is paused" : " is resumed") + (why.empty() ? "" : " by " + why);
  if (paused)
    line += ": it begins nothing until it is resumed";
  else if (gate_.is_paused())
    line += ", and stays paused by " + (paused_by_request_ ? paused_why_ : std::string("its own program"));
  host_.say(LogLevel::info, line);
  work_.notify_all();
}

void Handling::watch() {
  turns_.watch();
  const auto now = host_.clock->now();
  const std::scoped_lock lock(mutex_);
  for (const auto& worker : workers_) {
    const bool is_same =
        worker->runs != nullptr && worker->runs == worker->ran && worker->runs->delivery.id == worker->ran_id;
    if (is_same) continue;
    worker->ran = worker->runs;
    worker->ran_since = now;
    if (worker->runs != nullptr) worker->ran_id = worker->runs->delivery.id;
  }
}

std::optional<AttemptsAnswer> Handling::told_of(std::string_view topic, Partition partition,
                                                std::span<const std::uint64_t> offsets, std::string_view type) const {
  const auto at = std::ranges::find_if(sources_, [&](const auto& source) { return source->topic == topic; });
  if (at == sources_.end()) return std::nullopt;
  const auto& source = **at;
  const auto kinds = handler_->kinds();
  AttemptsAnswer told{.group = group_, .process = {}, .events = {}};
  told.takes = options_.unknown_types == UnknownType::park || std::ranges::any_of(source.kinds, [&](auto kind) {
                 return kinds[kind].type.empty() || kinds[kind].type == type;
               });
  const auto held = this->held();
  told.holds = std::ranges::find(held, source.topic + "/" + std::to_string(partition.value)) != held.end();
  const auto now = host_.clock->now();
  const std::scoped_lock lock(mutex_);
  told.paused = gate_.is_paused();
  told.broken = gate_.is_broken();
  for (const auto offset : offsets) {
    auto one = turns_.failed_attempts().of(source, partition, offset);
    const auto is_it = [&](const Task& task) {
      return task.source == &source && task.delivery.id.partition == partition &&
             task.delivery.id.offset.value == offset;
    };
    lanes_.for_each([&](const Task& task) { one.in_hand = one.in_hand || is_it(task); });
    for (const auto& worker : workers_)
      if (worker->runs != nullptr && is_it(*worker->runs)) {
        const bool is_seen = worker->runs == worker->ran && worker->runs->delivery.id == worker->ran_id;
        one.runs_since = is_seen ? worker->ran_since : now;
        one.next.reset();
      }
    told.events.push_back(std::move(one));
  }
  return told;
}

std::vector<std::string> Handling::held() const {
  std::vector<std::pair<std::string, std::shared_ptr<Consumer>>> consumers;
  {
    const std::scoped_lock lock(mutex_);
    if (!is_reader())
      for (const auto& source : sources_) consumers.emplace_back(source->topic, source->consumer);
  }
  std::vector<std::string> places;
  for (const auto& [topic, consumer] : consumers)
    for (const auto partition : consumer->assignment()) places.push_back(topic + "/" + std::to_string(partition.value));
  return places;
}

// What is parked, and driven again.

std::vector<Source*> Handling::sources() const {
  std::vector<Source*> all;
  for (const auto& source : sources_) all.push_back(source.get());
  return all;
}

std::shared_ptr<Consumer> Handling::consumer(const Source& source) const {
  const std::scoped_lock lock(mutex_);
  return source.consumer;
}

std::uint64_t Handling::fetched(const Source& source, std::uint32_t partition) const {
  const std::scoped_lock lock(mutex_);
  return partition < source.fetched.size() ? source.fetched[partition] : 0;
}

void Handling::drive(Source& source, std::span<Delivery> events, std::span<const char> ordered) {
  const std::scoped_lock lock(mutex_);
  for (std::size_t at = 0; at < events.size(); ++at) {
    auto& task = lanes_.make();
    const auto kind = source.kind_of(handler_->kinds(), events[at].envelope);
    task.delivery = std::move(events[at]);
    task.source = &source;
    std::tie(task.key, task.keyed) = lane_of(source, task.delivery);
    task.kind = kind.value_or(0);
    task.again = task.alone = true;
    task.ordered = ordered[at] != 0;
    // Of a type that is no longer taken: as when it comes for the first time.
    if (!kind) task.outcome = Outcome::skipped;
    lanes_.add(task);
  }
  for (auto wake = std::min(lanes_.ready(), idle_); wake > 0; --wake) work_.notify_one();
}

void Handling::lose(Source& source, std::uint32_t partition, std::uint64_t generation) {
  const std::scoped_lock lock(mutex_);
  source.lose(partition, generation);
}

void Handling::put_aside(std::span<Task* const> tasks) {
  std::vector<std::shared_ptr<const void>> spent;
  {
    const std::scoped_lock lock(mutex_);
    for (auto* task : tasks) {
      auto& source = *task->source;
      if (!task->again && task->dropped)
        source.held -= std::min<std::size_t>(source.held, 1);
      else if (!task->again)
        source.parked.push_back(task->delivery.id);
      spent.push_back(std::move(task->delivery.owner));
      lanes_.recycle(*task);
    }
    if (idle_ > 0) work_.notify_one();
  }
  wants_flush_();
}

// How it ends.

bool Handling::clean_up() {
  if (!effects_ || stopping_) return false;
  const auto cleaned = effects_->clean_up();
  return cleaned && *cleaned;  // else the next time
}

bool Handling::has_waiting() {
  const std::scoped_lock lock(mutex_);
  return lanes_.ready() > 0;
}

void Handling::begin_stop() {
  std::vector<std::shared_ptr<Consumer>> consumers;  // held while they wake: a fetching thread may replace its own
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    work_.notify_all();
    room_.notify_all();
    for (const auto& source : sources_)
      if (source->consumer) consumers.push_back(source->consumer);
  }
  for (const auto& consumer : consumers) consumer->wake();
  parking_.begin_stop();
}

bool Handling::wait_ended(SteadyTime until) {
  {
    std::unique_lock lock(mutex_);
    if (!ended_.wait_until(lock, until, [&] { return alive_ == 0; })) return false;
  }
  for (auto& fetcher : fetchers_) fetcher.join();
  for (auto& worker : workers_) worker->thread.join();
  fetchers_.clear();
  if (!parking_.wait_ended(until)) return false;
  {
    // The keeper may have taken what is done before we could, and must have told the broker before we leave the group.
    std::unique_lock lock(mutex_);
    flush(lock);
    if (!ended_.wait_until(lock, until, [&] { return !settling_.is_under_way(); })) return false;
  }
  for (auto& source : sources_) {
    // What has not been begun goes to other members, or comes again.
    if (auto closed = source->consumer->close(Duration::zero()); !closed)
      host_.say(LogLevel::debug, name_ + ": " + to_string(closed.error()));
  }
  return true;
}

std::vector<std::string> Handling::running() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> texts;
  for (const auto& worker : workers_) {
    if (worker->runs == nullptr) continue;
    const auto& envelope = worker->runs->delivery.envelope;
    texts.push_back(name_ + " still runs event " + shown(envelope.id) + " (key '" + shown(envelope.key) + "')");
  }
  if (alive_ == 0 && texts.empty() && !settling_.is_under_way())
    texts.push_back(name_ + " still writes to " + parking_.topic());
  if (settling_.is_under_way()) texts.push_back(name_ + " still settles what it has done");
  return texts;
}

std::vector<std::pair<std::string, std::string>> Handling::group_topics() const {
  std::vector<std::pair<std::string, std::string>> topics;
  if (is_reader()) return topics;
  for (const auto& source : sources_) topics.emplace_back(source->topic, source->broker_topic);
  return topics;
}

std::string Handling::state() const {
  const std::scoped_lock lock(mutex_);
  if (paused_by_request_) return "it is paused by `tidings pause`";
  if (gate_.is_paused()) return "it is paused";
  return gate_.is_broken() ? "its circuit breaker is open" : "";
}

HandlerStats Handling::stats() const {
  auto stats = counts();
  const std::scoped_lock lock(mutex_);
  stats.paused = gate_.is_paused();
  stats.broken = gate_.is_broken();
  return stats;
}

Handling::Depths Handling::depths() const {
  const std::scoped_lock lock(mutex_);
  Depths depths{.ready = lanes_.ready()};
  for (const auto& source : sources_) depths.in_hand += source->held;
  return depths;
}

HandlerStats Handling::counts() const {
  const auto& counted = turns_.counted();
  const auto& written = parking_.counted();
  return {.handled = counted.handled,
          .failed = counted.failed,
          .parked = written.parked,
          .redriven = written.redriven,
          .ignored = ignored_,
          .expired = counted.expired,
          .overran = turns_.overran()};
}

}  // namespace tidings::service
