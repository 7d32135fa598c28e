#include <algorithm>
#include <mutex>
#include <thread>

#include "tidings/base/key_hash.hpp"
#include "traffic.hpp"

namespace tidings::testing {

namespace {

void delivers_every_acknowledged_publish(Trial& trial) {
  const auto broker = trial.open();
  create_topic(trial, *broker, "orders", 3);
  const auto group = join(trial, *broker, "orders", "group");
  {
    const std::jthread late([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
      const auto one = event("waited-for");
      const auto view = one.view();
      (void)broker->publish("waits", {&view, 1});
    });
    const auto waits = join(trial, *broker, "waits", "group");
    const auto begin = steady_now();
    trial.check(trial.need(waits->fetch(1, 2 * trial.patience()), "fetch").size() == 1,
                "a waiting fetch did not get the event");
    trial.check(steady_now() - begin < trial.patience(), "a publish does not end a waiting fetch");
  }
  std::map<std::string, Published> published;
  std::size_t calls = 0;
  while (published.size() < 1000) {
    std::vector<Envelope> batch;
    for (std::size_t size = 1 + calls % 17; size > 0 && published.size() + batch.size() < 1000; --size) {
      const auto number = std::to_string(published.size() + batch.size());
      batch.push_back(event("e" + number, calls % 3 == 0 ? "" : "key-" + std::to_string(batch.size() % 5)));
    }
    const auto places = publish(trial, *broker, "orders", batch);
    for (std::size_t index = 0; index < batch.size(); ++index) published[batch[index].id] = places[index];
    ++calls;
  }
  const auto got = handle(trial, *group, published.size());
  std::set<std::string> names;
  for (const auto& delivery : got) {
    const std::string name(delivery.envelope.id);
    trial.check(names.insert(name).second, name + " came twice");
    trial.check(published.contains(name) && published[name] == Published{delivery.id.partition, delivery.id.offset},
                name + " stands elsewhere than its publish said");
    trial.check(delivery.attempt == 1, name + " came as attempt " + std::to_string(delivery.attempt));
  }
  check_offsets_in_order(trial, got);
  check_nothing_comes(trial, *group, "all 1,000 events had come");
  trial.check(end_of(trial, *broker, "orders") == 1000, "the ends of the partitions do not add up to 1,000 events");
  trial.check(group_info(trial, *broker, "orders", "group").lag() == 0,
              "the group has a lag, though it settled everything");
}

void preserves_bytes_empty_and_binary(Trial& trial) {
  const auto broker = trial.open();
  std::vector<Envelope> sent = events("e", 6);
  sent[0].payload = "";
  sent[1].payload = std::string(1, '\0');
  sent[2].payload.clear();
  for (int byte = 0; byte < 256; ++byte) sent[2].payload += static_cast<char>(byte);
  sent[3].payload = std::string(300'000, '\xff');
  for (std::size_t index = 0; index < 100'000; ++index)
    sent[4].payload += static_cast<char>((index * 2654435761u >> 11) & 0xff);
  sent[5].payload = "\r\n\r\n--\x1b[31m" + std::string(1, '\0') + "end";
  publish(trial, *broker, "bytes", sent);
  const auto got = handle(trial, *join(trial, *broker, "bytes", "group"), sent.size());
  for (std::size_t index = 0; index < sent.size(); ++index)
    trial.check(got[index].envelope.payload == sent[index].payload,
                "payload " + std::to_string(index) + " of " + std::to_string(sent[index].payload.size()) +
                    " bytes came back as other " + std::to_string(got[index].envelope.payload.size()));
}

void preserves_headers_and_ids(Trial& trial) {
  const auto broker = trial.open();
  Envelope full = event("0190163d-8694-739b-aea5-966c26f8ad90", "key with spaces, ä and /");
  full.source = "https://example.org/shop?a=b";
  full.subject = "order/1";
  full.data_content_type = "application/octet-stream";
  full.data_schema = "https://example.org/schema#2";
  full.correlation_id = "correlation";
  full.causation_id = "causation";
  full.trace_parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  full.time = TimePoint{std::chrono::nanoseconds{1'291'191'960'123'456'789}};
  full.version = 7;
  full.headers.set("plain", "value");
  full.headers.set("empty", "");
  full.headers.set("UPPER-lower_1", " spaces  and = ; , \" signs ");
  full.headers.set("unicode", "grüße ✓");
  for (int number = 0; number < 40; ++number) full.headers.set("h" + std::to_string(number), std::string(100, 'x'));
  Envelope bare;
  bare.id = "no uuid at all";
  bare.type = "t";
  const std::vector<Envelope> sent{full, bare};
  publish(trial, *broker, "headers", sent);
  const auto got = handle(trial, *join(trial, *broker, "headers", "group"), 2);
  for (std::size_t index = 0; index < sent.size(); ++index) {
    const auto& wanted = sent[index];
    const Envelope came(got[index].envelope);
    const auto same = [&](const std::string& name, const auto& a, const auto& b) {
      trial.check(a == b, name + " of event " + std::to_string(index) + " is not what was sent");
    };
    same("id", came.id, wanted.id);
    same("type", came.type, wanted.type);
    same("source", came.source, wanted.source);
    same("subject", came.subject, wanted.subject);
    same("data_content_type", came.data_content_type, wanted.data_content_type);
    same("data_schema", came.data_schema, wanted.data_schema);
    same("key", came.key, wanted.key);
    same("correlation_id", came.correlation_id, wanted.correlation_id);
    same("causation_id", came.causation_id, wanted.causation_id);
    same("trace_parent", came.trace_parent, wanted.trace_parent);
    same("time", came.time, wanted.time);
    same("version", came.version, wanted.version);
    same("headers", came.headers, wanted.headers);
    same("payload", came.payload, wanted.payload);
  }
}

void isolates_topics(Trial& trial) {
  const auto broker = trial.open();
  ConsumerOptions strict;
  strict.group = "group";
  strict.create_topic = false;
  trial.check_error(broker->subscribe("a", strict), "unknown_topic", Retry::never,
                    "subscribing to a topic that is not there");
  trial.check_error(broker->topic("a"), "unknown_topic", Retry::never, "asking for a topic that is not there");
  trial.check_error(broker->groups("a"), "unknown_topic", Retry::never,
                    "asking for the groups of a topic that is not there");
  for (const auto* name : {"", ".", "..", "a/b", "-a", "ä", "a b"}) {
    const std::vector<Envelope> one = events("x", 1);
    const auto view = one[0].view();
    trial.check_error(broker->publish(name, {&view, 1}), "invalid_name", Retry::never,
                      "publishing to a topic named '" + std::string(name) + "'");
  }
  const auto on_a = events("a", 20, "key");
  const auto on_b = events("b", 20, "key");
  for (std::size_t index = 0; index < 20; ++index) {
    publish(trial, *broker, "a", {&on_a[index], 1});
    publish(trial, *broker, "a.b", {&on_b[index], 1});
  }
  const auto group_a = join(trial, *broker, "a", "group");
  const auto group_b = join(trial, *broker, "a.b", "group");
  check_same(trial, names_of(handle(trial, *group_a, 20)), names_of(on_a), "topic a");
  trial.check(group_info(trial, *broker, "a.b", "group").lag() == 20,
              "settling on one topic moved the group on another");
  check_same(trial, names_of(handle(trial, *group_b, 20)), names_of(on_b), "topic a.b");
  check_nothing_comes(trial, *group_a, "topic a was read to its end");
  std::vector<std::string> names;
  for (const auto& info : trial.need(broker->topics(), "topics")) names.push_back(info.name);
  check_same(trial, names, std::vector<std::string>{"a", "a.b"}, "topics()");
}

void rejects_oversize_without_a_partial_publish(Trial& trial) {
  const auto broker = trial.open();
  TopicOptions options;
  options.partitions = 2;
  options.event_bytes_max = 4096;
  trial.need(broker->create_topic("small", options), "create_topic");
  auto fits = event("fits", "a");
  fits.payload.assign(4096 - size_bytes(fits.view()) + fits.payload.size(), 'x');
  auto large = fits;
  large.id = "much";
  large.payload += 'x';
  auto other = event("other", "b");
  const auto refused = [&](const Envelope& bad, std::string_view code, const std::string& what) {
    const std::vector<EnvelopeView> batch{other.view(), bad.view(), fits.view()};
    trial.check_error(broker->publish("small", batch), code, Retry::never, what);
    trial.check(end_of(trial, *broker, "small") == 0, what + " was refused, but a part of its batch was written");
  };
  refused(large, "too_large", "an event of one byte too many");
  auto header = event("header");
  header.headers.set("name", "two\r\nlines");
  refused(header, "invalid_event", "a header with a line break");
  auto nameless = event("");
  refused(nameless, "invalid_event", "an event without an id");
  const std::vector<Envelope> good{fits, other};
  publish(trial, *broker, "small", good);
  trial.check(end_of(trial, *broker, "small") == 2, "an event of just the size allowed was not written");
  auto got = names_of(handle(trial, *join(trial, *broker, "small", "group"), 2));
  std::ranges::sort(got);
  check_same(trial, got, std::vector<std::string>{"fits", "other"}, "what was not refused");
}

void orders_within_a_key_also_under_concurrent_publishers(Trial& trial) {
  constexpr int publishers = 4;
  constexpr int rounds = 60;
  const auto broker = trial.open();
  const auto second = trial.open();
  create_topic(trial, *broker, "orders", 4);
  const auto publisher = [&](int number, Trial& own) {
    for (int round = 0; round < rounds; ++round) {
      std::vector<Envelope> batch;
      for (int key = 0; key < 5; ++key)
        for (int twice = 0; twice < 2; ++twice) {
          auto& one = batch.emplace_back(
              event(std::to_string(number) + "-" + std::to_string(key) + "-" + std::to_string(2 * round + twice),
                    "p" + std::to_string(number) + "-" + std::to_string(key)));
          one.subject = std::to_string(2 * round + twice);
        }
      publish(own, number % 2 == 0 ? *broker : *second, "orders", batch);
    }
  };
  run_together(trial, publishers, publisher);
  const auto got = handle(trial, *join(trial, *broker, "orders", "group"), std::size_t{publishers} * rounds * 10);
  check_offsets_in_order(trial, got);
  std::map<std::string, int, std::less<>> next;
  for (const auto& delivery : got) {
    const std::string key(delivery.envelope.key);
    trial.check(delivery.envelope.subject == std::to_string(next[key]++),
                "key " + key + ": number " + std::string(delivery.envelope.subject) + " came where " +
                    std::to_string(next[key] - 1) + " should");
    trial.check(delivery.id.partition.value == key_hash(key) % 4,
                "key " + key + " went to partition " + std::to_string(delivery.id.partition.value));
  }
}

void back_pressure_is_reported_within_the_deadline(Trial& trial) {
  auto opened = trial.under_test().open_bounded(256 * 1024);
  if (!opened) trial.unsupported(opened.error().message);
  auto& broker = **opened;
  auto one = event("e");
  one.payload.assign(8 * 1024, 'x');
  PublishOptions options;
  options.wait_max = std::chrono::milliseconds{50};
  std::uint64_t written = 0;
  while (written < 1000) {
    one.id = "e-" + std::to_string(written);  // an id is unique, and some brokers count on it
    const auto view = one.view();
    const auto begin = steady_now();
    const auto answer = broker.publish("full", {&view, 1}, options);
    trial.check(steady_now() - begin < trial.patience(), "a publish took far longer than its deadline");
    if (answer) {
      ++written;
      continue;
    }
    trial.check(answer.error().code == "backpressure" || answer.error().code == "disk_full",
                "a full broker answered " + to_string(answer.error()));
    trial.check(answer.error().retry == Retry::same_call, "back-pressure is worth another try, and must say so");
    break;
  }
  trial.require(written > 0 && written < 1000,
                "the bound was not met, but " + std::to_string(written) + " events were written");
  trial.check(end_of(trial, broker, "full") == written, "a publish that was refused has been written");
  const auto got = handle(trial, *join(trial, broker, "full", "group"), written);
  trial.check(got.size() == written, "a full broker must still be read");
}

void an_unknown_outcome_is_told_apart_from_a_failure(Trial& trial) {
  const auto broker = trial.open();
  create_topic(trial, *broker, "orders");
  if (auto possible = trial.under_test().lose_answers(true); !possible) trial.unsupported(possible.error().message);
  const auto lost = event("lost");
  const auto view = lost.view();
  PublishOptions options;
  options.wait_max = std::chrono::seconds{2};
  trial.check_error(broker->publish("orders", {&view, 1}, options), "outcome_unknown", Retry::same_call,
                    "a publish whose answer is lost");
  trial.need(trial.under_test().lose_answers(false), "lose_answers(false)");
  publish(trial, *broker, "orders", {&lost, 1});  // as its error says: the same id again
  const auto got = take(trial, *join(trial, *broker, "orders", "group"), 1);
  trial.check(got[0].envelope.id == "lost", "the event came as another");
}

void acknowledges_a_window_of_publishes_in_order(Trial& trial) {
  constexpr std::size_t window = 8;
  const auto broker = trial.open();
  create_topic(trial, *broker, "orders", 3);
  std::mutex mutex;
  std::vector<std::pair<std::string, std::vector<Published>>> told;
  std::vector<std::string> sent;
  for (const auto refused : {std::size_t{0}, std::size_t{1'000'000'000'000}})
    trial.check_error(broker->publisher("orders", {.window = refused}), "invalid_options", Retry::never,
                      "a window of " + std::to_string(refused));
  const auto publisher = trial.need(broker->publisher("orders", {.window = window}), "publisher");
  const auto hand_over = [&](const std::vector<Envelope>& batch) {
    std::vector<EnvelopeView> views;
    for (const auto& one : batch) views.push_back(one.view());
    trial.need(publisher->publish(views,
                                  [&, first = batch.front().id](Result<std::vector<Published>> places) {
                                    const std::scoped_lock lock(mutex);
                                    told.emplace_back(first, places ? *places : std::vector<Published>{});
                                  }),
               "a publish in a window");
    sent.push_back(batch.front().id);
  };
  for (int i = 0; i < 300; ++i) {
    hand_over({event("e" + std::to_string(i), "key-" + std::to_string(i % 7))});
    const std::scoped_lock lock(mutex);
    trial.check(sent.size() - told.size() <= window, "more is on its way than the window has room for");
  }
  std::vector<Envelope> large;
  for (std::size_t i = 0; i < 2 * window; ++i) large.push_back(event("l" + std::to_string(i), "key-1"));
  hand_over(large);  // alone, but it goes
  const auto nameless = event("");
  const auto view = nameless.view();
  trial.check_error(publisher->publish({&view, 1}, [&](const Result<std::vector<Published>>&) { told.clear(); }),
                    "invalid_event", Retry::never, "an event without an id, in a window");
  trial.need(publisher->flush(trial.patience()), "flush");
  trial.require(told.size() == sent.size(), std::to_string(told.size()) + " of " + std::to_string(sent.size()) +
                                                " publishes were acknowledged when flush returned");
  for (std::size_t i = 0; i < sent.size(); ++i)
    trial.check(told[i].first == sent[i], told[i].first + " was acknowledged in place of " + sent[i]);
  std::map<std::string, Published, std::less<>> places;
  for (std::size_t i = 0; i < 300; ++i) {
    trial.require(told[i].second.size() == 1, told[i].first + " has no place");
    places[told[i].first] = told[i].second.front();
  }
  trial.check(told.back().second.size() == large.size(), "not every event of a batch has a place");
  for (const auto& delivery : handle(trial, *join(trial, *broker, "orders", "group"), 300 + large.size()))
    if (const auto place = places.find(delivery.envelope.id); place != places.end())
      trial.check(place->second == Published{delivery.id.partition, delivery.id.offset},
                  place->first + " stands elsewhere than its acknowledgement said");
}

}  // namespace

std::vector<CaseEntry> publish_cases() {
  return {
      {{"delivers_every_acknowledged_publish",
        "What publish acknowledged comes once, where publish said that it stands."},
       delivers_every_acknowledged_publish},
      {{"preserves_bytes_empty_and_binary", "Payloads come back byte for byte."}, preserves_bytes_empty_and_binary},
      {{"preserves_headers_and_ids", "Every attribute and header comes back as it was sent."},
       preserves_headers_and_ids},
      {{"isolates_topics", "A topic gives only its own events; one that is missing or misnamed is an error."},
       isolates_topics},
      {{"rejects_oversize_without_a_partial_publish",
        "A batch with an event that is too large or invalid writes nothing."},
       rejects_oversize_without_a_partial_publish},
      {{"orders_within_a_key_also_under_concurrent_publishers",
        "A key has one partition and one order, whoever publishes beside."},
       orders_within_a_key_also_under_concurrent_publishers},
      {{"back_pressure_is_reported_within_the_deadline",
        "A full broker says so in time, writes nothing, and is still read."},
       back_pressure_is_reported_within_the_deadline},
      {{"an_unknown_outcome_is_told_apart_from_a_failure",
        "A lost answer is `outcome_unknown`, and the same id may be sent again."},
       an_unknown_outcome_is_told_apart_from_a_failure},
      {{"acknowledges_a_window_of_publishes_in_order",
        "Publishes that do not wait for one another are acknowledged in their order, and no more are on their way than "
        "the window allows."},
       acknowledges_a_window_of_publishes_in_order},
  };
}

}  // namespace tidings::testing
