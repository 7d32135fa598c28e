#include "tidings/ops/trace.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "ops/http_client.hpp"
#include "ops/http_parse.hpp"
#include "ops/otlp.hpp"
#include "ops/socket.hpp"
#include "tidings/base/steady.hpp"
#include "tidings/base/text.hpp"

namespace tidings::ops {

namespace {

using namespace std::chrono_literals;

constexpr Duration stop_wait = 2s;
constexpr Duration retry_first = 500ms;
constexpr Duration time_max = 24h;

thread_local TraceParent current_span;

/// https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes
bool is_worth_another(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

Error wrong(std::string_view member, std::string_view why) {
  return {"invalid_options", "TraceOptions::" + std::string(member) + ": " + std::string(why)};
}

Result<> check(const TraceOptions& options) {
  for (const auto& [member, time] : {std::pair("timeout", options.timeout), std::pair("delay_max", options.delay_max)})
    if (time <= Duration::zero() || time > time_max)
      return wrong(member, "must be longer than nothing, and 24 h at most, not " + to_text(time));
  for (const auto& [member, count] :
       {std::pair("queue_max", options.queue_max), std::pair("batch_max", options.batch_max)})
    if (count == 0) return wrong(member, "must be 1 at least");
  if (!(options.sampler.share >= 0 && options.sampler.share <= 1))
    return wrong("sampler", "share must be from 0 to 1, not " + std::to_string(options.sampler.share));
  for (const auto& [name, value] : options.headers)
    if (!is_header_to_add(name) || value.find_first_of(std::string_view("\r\n\0", 3)) != value.npos)
      return wrong("headers", "'" + printable(name) + "' is no header that can be added, or its value is none");
  return {};
}

}  // namespace

struct Tracer::Impl {
  Impl(TraceOptions of, HttpClient to_collector, LogSink& to, Entropy& random, Clock& time)
      : options(std::move(of)),
        log(to),
        entropy(random),
        clock(time),
        client(std::move(to_collector)),
        cancel(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    sampled_below = options.sampler.share >= 1   ? ~std::uint64_t{0}
                    : options.sampler.share <= 0 ? 0
                                                 : static_cast<std::uint64_t>(options.sampler.share * 0x1p64);
  }

  const TraceOptions options;
  LogSink& log;
  Entropy& entropy;
  Clock& clock;
  HttpClient client;  // of the thread
  std::uint64_t sampled_below = 0;
  Fd cancel;
  std::mutex mutex;
  std::mutex entropy_mutex;
  std::condition_variable changed;
  std::condition_variable ended;
  bool has_ended = false;
  std::deque<SpanData> queue;
  bool stopping = false;
  SteadyTime give_up_at = SteadyTime::max();
  std::atomic<std::uint64_t> exported = 0, dropped_full = 0, dropped_away = 0;
  bool is_away = false;  // of the thread
  std::mutex stop_mutex;
  std::thread thread;

  std::uint64_t random() {
    const std::scoped_lock lock(entropy_mutex);
    std::uint64_t number = 0;
    while (number == 0) number = entropy.next();
    return number;
  }

  void run() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait_for(lock, options.delay_max, [&] { return stopping || queue.size() >= options.batch_max; });
      while (!queue.empty() && steady_now() < give_up_at) {
        std::vector<SpanData> batch;
        while (!queue.empty() && batch.size() < options.batch_max) {
          batch.push_back(std::move(queue.front()));
          queue.pop_front();
        }
        lock.unlock();
        send(batch);
        lock.lock();
        if (!stopping && queue.size() < options.batch_max) break;
      }
      if (stopping) break;
    }
    dropped_away += queue.size();
    queue.clear();
    has_ended = true;
    ended.notify_all();
  }

  /// Another attempt while the time of the batch lasts; then it is lost.
  void send(const std::vector<SpanData>& batch) {
    const auto body = otlp_json(options.resource, batch);
    auto headers = options.headers;
    headers.emplace_back("Content-Type", "application/json");
    auto until = steady_now() + options.timeout;
    std::string why;
    for (auto wait = retry_first;; wait *= 2) {
      {
        const std::scoped_lock lock(mutex);
        until = std::min<SteadyTime>(until, give_up_at);
      }
      const auto reply = client.call("POST", headers, body, until, cancel.get());
      if (reply && reply->status >= 200 && reply->status < 300) {
        exported += batch.size();
        if (std::exchange(is_away, false))
          log.write(LogLevel::info, "traces are taken by " + options.endpoint + " again");
        return;
      }
      why = reply ? "it answers " + std::to_string(reply->status) : to_string(reply.error());
      if (reply && !is_worth_another(reply->status)) break;
      std::unique_lock lock(mutex);
      if (steady_now() + wait >= std::min<SteadyTime>(until, give_up_at)) break;
      changed.wait_for(lock, wait, [&] { return stopping; });
      if (stopping) break;
    }
    dropped_away += batch.size();
    if (!std::exchange(is_away, true))
      log.write(LogLevel::warning, "traces are lost, since " + printable(options.endpoint) +
                                       " does not take them: " + printable(why) + "; it is told when it does again");
  }
};

Tracer::Tracer() = default;
Tracer::Tracer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Tracer>> Tracer::make(TraceOptions options, LogSink& log, Entropy& entropy, Clock& clock) {
  if (options.endpoint.empty()) return std::make_unique<Tracer>();
  if (auto fine = check(options); !fine) return fine.error();
  auto url = parse_http_url(options.endpoint);
  if (!url) return wrong("endpoint", url.error().message);
  auto client = HttpClient::make(std::move(*url), {.authorities_file = options.authorities_file});
  if (!client)
    return client.error().code == "unsupported" ? client.error() : wrong("authorities_file", client.error().message);
  auto impl = std::make_unique<Impl>(std::move(options), std::move(*client), log, entropy, clock);
  if (impl->cancel.get() < 0)
    return Error{"too_many_files", "no descriptor is left for traces; raise the limit (ulimit -n)", Retry::same_call};
  impl->thread = std::thread([of = impl.get()] { of->run(); });
  return std::unique_ptr<Tracer>(new Tracer(std::move(impl)));
}

Tracer::~Tracer() {
  stop();
}

void Tracer::stop() {
  if (!impl_) return;
  const std::scoped_lock one_at_a_time(impl_->stop_mutex);
  {
    std::unique_lock lock(impl_->mutex);
    if (!impl_->stopping) impl_->give_up_at = steady_now() + stop_wait;
    impl_->stopping = true;
    impl_->changed.notify_all();
    impl_->ended.wait_for(lock, stop_wait, [&] { return impl_->has_ended; });
  }
  const std::uint64_t one = 1;  // who is still in a call is called back
  [[maybe_unused]] const auto written = ::write(impl_->cancel.get(), &one, sizeof one);
  if (impl_->thread.joinable()) impl_->thread.join();
}

TraceParent Tracer::begin(const TraceParent& parent) const {
  if (!impl_) return {};
  TraceParent self = parent;
  const bool has_parent = parent.is_valid();
  if (!has_parent) self = {.trace_high = impl_->random(), .trace_low = impl_->random()};
  self.span = impl_->random();
  if (!has_parent || !impl_->options.sampler.follows_parent) {
    const bool sampled = impl_->sampled_below == ~std::uint64_t{0} || self.trace_low < impl_->sampled_below;
    self.flags = static_cast<std::uint8_t>((self.flags & ~TraceParent::sampled_flag) |
                                           (sampled ? TraceParent::sampled_flag : 0));
  }
  return self;
}

void Tracer::end(SpanData span) const {
  if (!impl_ || !span.self.is_valid() || !span.self.is_sampled()) return;
  const std::scoped_lock lock(impl_->mutex);
  if (impl_->queue.size() >= impl_->options.queue_max || impl_->stopping) {
    ++impl_->dropped_full;
    return;
  }
  impl_->queue.push_back(std::move(span));
  if (impl_->queue.size() == impl_->options.batch_max) impl_->changed.notify_one();
}

TimePoint Tracer::now() const {
  return impl_ ? impl_->clock.now() : TimePoint{};
}

Tracer::Counts Tracer::counts() const {
  if (!impl_) return {};
  const std::scoped_lock lock(impl_->mutex);
  return {impl_->exported, impl_->dropped_full, impl_->dropped_away, impl_->queue.size()};
}

const TraceParent& Tracer::current() {
  return current_span;
}

InSpan::InSpan(const TraceParent& span) : before_(std::exchange(current_span, span)) {}
InSpan::~InSpan() {
  current_span = before_;
}

Span::Span(const Tracer& tracer, std::string_view name, SpanKind kind)
    : tracer_(tracer),
      data_{.self = tracer.begin(Tracer::current()),
            .parent = Tracer::current().span,
            .name = std::string(name),
            .kind = kind,
            .start = tracer.now()},
      in_(tracer.is_on() ? data_.self : Tracer::current()) {}
Span::~Span() {
  data_.end = tracer_.now();
  tracer_.end(std::move(data_));
}
void Span::set(std::string_view name, std::variant<std::string, std::int64_t, bool> value) {
  data_.attributes.push_back({std::string(name), std::move(value)});
}
void Span::fail(std::string_view why) {
  data_.error = why.empty() ? "failed" : why;
}

}  // namespace tidings::ops
