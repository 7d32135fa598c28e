#include "load.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <random>
#include <set>

namespace tidings::faults {

namespace {

using namespace std::chrono_literals;
using What = Step::What;

constexpr auto pause_after_trouble = 20ms;

bool says_nothing_was_written(const Error& error) {
  return error.code != "outcome_unknown";
}

/// Events of a call, with the texts that their views borrow.
class Batch {
 public:
  void add(const Event& event) {
    events_.push_back(event);
    texts_.push_back({id_of(event), "key-" + std::to_string(event.key)});
  }
  [[nodiscard]] const std::vector<Event>& events() const { return events_; }
  [[nodiscard]] std::vector<EnvelopeView> views() const {
    std::vector<EnvelopeView> views;
    for (const auto& [id, key] : texts_)
      views.push_back({.id = id, .type = "faults.Happened", .key = key, .payload = id});
    return views;
  }

 private:
  std::vector<Event> events_;
  std::deque<std::pair<std::string, std::string>> texts_;
};

/// How long a publish may take: half of them as long as is allowed, the others less.
Duration some_of(Duration most, std::mt19937_64& chance) {
  return chance() % 2 == 0 ? most : most / static_cast<int>(2 + chance() % 30);
}

void tell(History& history, What what, const Event& event, const Published& place = {}) {
  history.add({.what = what, .event = event, .spot = {place.partition.value, place.offset.value}});
}

/// Opens until it works, or `ends`.
std::unique_ptr<Broker> open_until(const OpenBroker& open, const std::function<bool()>& ends, Troubles& troubles) {
  while (true) {
    auto broker = open();
    if (broker) return std::move(*broker);
    troubles.count("open", broker.error());
    if (ends()) return nullptr;
    std::this_thread::sleep_for(pause_after_trouble);
  }
}

template <class Condition>
bool comes_true(const Condition& is_so, Duration wait_max) {
  for (const auto until = now() + wait_max; !is_so(); std::this_thread::sleep_for(5ms))
    if (now() > until) return is_so();
  return true;
}

}  // namespace

std::string Troubles::text() const {
  const std::scoped_lock lock(mutex_);
  std::string text;
  for (const auto& [what, count] : counts_) text += (text.empty() ? "" : ", ") + what + " " + std::to_string(count);
  return text.empty() ? "none" : text;
}

void run_member(const OpenBroker& open, const MemberOptions& options,
                const std::function<void(std::span<const Step>)>& tell, const std::function<bool()>& ends,
                Troubles& troubles) {
  std::mt19937_64 chance(options.seed);
  std::unique_ptr<Broker> broker;
  std::unique_ptr<Consumer> consumer;
  while (!ends()) {
    if (!broker) broker = open_until(open, ends, troubles);
    if (!broker) return;
    if (!consumer) {
      auto subscribed = broker->subscribe(
          options.topic, {.group = options.group, .settle_within = options.settle_within, .create_topic = false});
      if (!subscribed) {
        troubles.count("subscribe", subscribed.error());
        if (subscribed.error().retry == Retry::reopen) broker.reset();
        std::this_thread::sleep_for(pause_after_trouble);
        continue;
      }
      consumer = std::move(*subscribed);
    }
    constexpr std::uint64_t fetch_max = 40;
    auto got = consumer->fetch(1 + chance() % fetch_max, 50ms);
    if (!got) {
      troubles.count("fetch", got.error());
      if (got.error().retry == Retry::reopen) consumer.reset();
      std::this_thread::sleep_for(pause_after_trouble);
      continue;
    }
    if (got->empty()) continue;
    std::vector<Step> steps;
    std::vector<DeliveryId> ids;
    for (const auto& one : *got) {
      ids.push_back(one.id);
      steps.push_back({.what = What::handed,
                       .member = options.number,
                       .event = event_of(one.envelope.payload).or_throw(),
                       .spot = {one.id.partition.value, one.id.offset.value}});
    }
    tell(steps);
    if (options.work_max > Duration{}) {
      const auto most = std::chrono::duration_cast<std::chrono::microseconds>(options.work_max).count();
      std::this_thread::sleep_for(std::chrono::microseconds{chance() % static_cast<std::uint64_t>(most)});
    }
    const Step done{.what = What::done, .member = options.number};
    tell({&done, 1});
    // Some settle the later ones first.
    const std::span all(ids);
    const auto half = chance() % 4 == 0 ? all.size() / 2 : 0;
    bool is_settled = true;
    for (const auto part : {all.subspan(half), all.first(half)}) {
      if (part.empty()) continue;
      const auto answer = consumer->settle(part);
      if (!answer) troubles.count("settle", answer.error());
      is_settled = is_settled && answer.has_value();
    }
    if (!is_settled) continue;
    const Step settled{.what = What::settled, .member = options.number};
    tell({&settled, 1});
  }
  if (consumer)
    if (auto closed = consumer->close(5s); !closed) troubles.count("close", closed.error());
}

Load::Load(LoadOptions options, OpenBroker open_publishing, OpenBroker open_reading, History& history)
    : options_(std::move(options)),
      open_publishing_(std::move(open_publishing)),
      open_reading_(std::move(open_reading)),
      history_(history),
      publishing_(options_.publishers) {
  for (std::uint32_t publisher = 0; publisher < options_.publishers; ++publisher)
    threads_.emplace_back([this, publisher] {
      publisher == 0 ? publish_with_window(publisher) : publish(publisher);
      --publishing_;
    });
  for (std::uint32_t number = 0; number < options_.members; ++number)
    threads_.emplace_back([this, number] {
      run_member(
          open_reading_, {.topic = options_.topic, .number = number, .seed = options_.seed + number},
          [this](std::span<const Step> steps) {
            history_.add(steps);
            handled_ += steps.front().what == What::done ? 1 : 0;
          },
          [this] { return ends_.load(); }, troubles_);
    });
}

Load::~Load() {
  ends_publishing_ = gives_up_ = ends_ = true;
}

bool Load::flows(Duration wait_max) {
  const std::uint64_t before[] = {acknowledged_, handled_};
  return comes_true([&] { return acknowledged_ > before[0] && (options_.members == 0 || handled_ > before[1]); },
                    wait_max);
}

bool Load::finish_publishing(Duration wait_max) {
  ends_publishing_ = true;
  const bool in_time = comes_true([&] { return publishing_ == 0; }, wait_max);
  gives_up_ = true;
  return in_time && left_open_ == 0;
}

bool Load::finish(const std::function<bool()>& drained, Duration wait_max) {
  const bool in_time = comes_true(drained, wait_max);
  ends_ = true;
  threads_.clear();
  return in_time;
}

void Load::publish(std::uint32_t publisher) {
  std::mt19937_64 chance(options_.seed * 31 + publisher);
  const auto gives_up = [this] { return gives_up_.load(); };
  auto broker = open_until(open_publishing_, gives_up, troubles_);
  std::vector<std::uint64_t> next(options_.keys_each);
  while (broker && !ends_publishing_) {
    Batch batch;
    std::set<std::uint32_t> chosen;
    for (auto count = 1 + chance() % 3; count > 0; --count)
      chosen.insert(static_cast<std::uint32_t>(chance() % options_.keys_each));
    for (const auto key : chosen)
      for (auto count = 1 + chance() % 2; count > 0; --count)
        batch.add({options_.first_key + publisher * options_.keys_each + key, next[key]++});
    bool may_be_there = false;
    while (true) {
      auto places =
          broker->publish(options_.topic, batch.views(), {.wait_max = some_of(options_.publish_within, chance)});
      if (places) {
        for (std::size_t index = 0; index < places->size(); ++index)
          tell(history_, What::acknowledged, batch.events()[index], (*places)[index]);
        ++acknowledged_;
        break;
      }
      troubles_.count("publish", places.error());
      const bool refused = says_nothing_was_written(places.error());
      may_be_there = may_be_there || !refused;
      for (const auto& event : batch.events()) tell(history_, refused ? What::refused : What::unknown, event);
      if (!may_be_there && chance() % 2 == 0) break;  // it is left out for good
      if (gives_up_) {
        if (may_be_there) ++left_open_;
        return;
      }
      if (places.error().retry == Retry::reopen) broker = open_until(open_publishing_, gives_up, troubles_);
      if (!broker) return;
      std::this_thread::sleep_for(pause_after_trouble);
    }
    std::this_thread::sleep_for(options_.pause);
  }
}

/// All its keys at once, one event of each; the next of a key goes when the one before it is acknowledged.
void Load::publish_with_window(std::uint32_t publisher) {
  struct Key {
    Event event;
    bool is_on_its_way = false;
    bool is_open = false;  // tried, and not acknowledged
    bool may_be_there = false;
  };
  std::mt19937_64 chance(options_.seed * 31 + publisher);
  auto broker = open_until(open_publishing_, [this] { return gives_up_.load(); }, troubles_);
  if (!broker) return;
  std::mutex mutex;  // of the keys; outlives the publisher, whose end waits for its callbacks
  std::condition_variable changed;
  std::vector<Key> keys(options_.keys_each);
  for (std::uint32_t key = 0; key < options_.keys_each; ++key)
    keys[key].event.key = options_.first_key + publisher * options_.keys_each + key;
  const auto answered = [&](Key& key, const Result<std::vector<Published>>& places) {
    const std::scoped_lock lock(mutex);
    key.is_on_its_way = false;
    if (places) {
      tell(history_, What::acknowledged, key.event, places->at(0));
      ++key.event.number;
      key.is_open = key.may_be_there = false;
      ++acknowledged_;
    } else {
      troubles_.count("window", places.error());
      const bool refused = says_nothing_was_written(places.error());
      key.may_be_there = key.may_be_there || !refused;
      tell(history_, refused ? What::refused : What::unknown, key.event);
    }
    changed.notify_all();
  };
  std::unique_ptr<Publisher> window;
  while (!gives_up_) {
    if (!window) {
      auto made = broker->publisher(options_.topic, {.window = 64});
      if (made) window = std::move(*made);
      if (!made) troubles_.count("publisher", made.error());
    }
    bool any_open = false;
    for (auto& key : keys) {
      Batch batch;
      {
        const std::scoped_lock lock(mutex);
        any_open = any_open || key.is_open;
        if (key.is_on_its_way || !window) continue;
        if (key.is_open && !key.may_be_there && chance() % 2 == 0) {  // it is left out for good
          ++key.event.number;
          key.is_open = false;
        }
        if (!key.is_open && ends_publishing_) continue;
        key.is_open = key.is_on_its_way = any_open = true;
        batch.add(key.event);
      }
      const auto handed_over = window->publish(
          batch.views(), [&key, &answered](const Result<std::vector<Published>>& places) { answered(key, places); },
          {.wait_max = some_of(options_.publish_within, chance)});
      if (!handed_over) answered(key, handed_over.error());
    }
    if (ends_publishing_ && !any_open) return;
    std::this_thread::sleep_for(options_.pause);
    std::unique_lock lock(mutex);
    changed.wait_for(lock, pause_after_trouble,
                     [&] { return std::ranges::any_of(keys, [](const Key& key) { return !key.is_on_its_way; }); });
  }
  window.reset();
  for (const auto& key : keys) left_open_ += key.may_be_there ? 1 : 0;
}

Result<> read_back(Broker& broker, const std::string& topic, History& history, Duration wait_max) {
  auto info = broker.topic(topic);
  if (!info) return info.error();
  auto reader = broker.subscribe(topic, {.group = {}, .create_topic = false});
  if (!reader) return reader.error();
  std::map<std::uint32_t, std::uint64_t> left;
  for (const auto& partition : info->partitions)
    if (partition.end > partition.earliest) left[partition.partition.value] = partition.end.value - 1;
  for (const auto until = now() + wait_max; !left.empty();) {
    if (now() > until) return Error{"timeout", "the topic could not be read to its end"};
    auto got = (*reader)->fetch(1000, 100ms);
    if (!got) return got.error();
    std::vector<Step> steps;
    for (const auto& one : *got) {
      auto event = event_of(one.envelope.payload);
      if (!event) return event.error();
      const Spot spot{one.id.partition.value, one.id.offset.value};
      steps.push_back({.what = What::stored, .event = *event, .spot = spot});
      if (const auto last = left.find(spot.partition); last != left.end() && spot.offset >= last->second)
        left.erase(last);
    }
    history.add(steps);
  }
  return {};
}

bool is_drained(Broker& broker, const std::string& topic, const std::string& group) {
  const auto groups = broker.groups(topic);
  if (!groups) return false;
  return std::ranges::any_of(*groups, [&](const GroupInfo& info) {
    return info.group == group && !info.error && !info.partitions.empty() && info.lag() == 0;
  });
}

}  // namespace tidings::faults
