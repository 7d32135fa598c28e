#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <thread>

#include "traffic.hpp"

namespace tidings::testing {

namespace {

using namespace std::chrono_literals;

/// Lets every member fetch, and keep what comes, until they share the partitions evenly.
void until_shared(Trial& trial, std::vector<std::unique_ptr<Consumer>>& members, std::size_t each,
                  std::vector<std::vector<Delivery>>& got) {
  const auto until = steady_now() + trial.patience();
  got.resize(members.size());
  while (steady_now() < until) {
    bool even = true;
    for (std::size_t index = 0; index < members.size(); ++index) {
      auto some = trial.need(members[index]->fetch(100, 5ms), "fetch");
      settle(trial, *members[index], some);
      std::ranges::move(some, std::back_inserter(got[index]));
      even = even && members[index]->assignment().size() == each;
    }
    if (even) return;
  }
  trial.require(false, "the members do not share the partitions evenly");
}

/// Members that go with `close`, and settle what they fetch: nothing comes twice, and a key keeps its order from hand
/// to hand.
void hand_over_in_order(Trial& trial, Broker& broker) {
  constexpr std::size_t rounds = 100;
  constexpr std::size_t keys = 20;
  create_topic(trial, broker, "polite", 4);
  trial.need(join(trial, broker, "polite", "group")->close(trial.patience()), "close");
  std::mutex mutex;
  std::map<std::string, std::size_t, std::less<>> next;
  std::size_t seen = 0;
  const auto done = [&] {
    const std::scoped_lock lock(mutex);
    return seen >= rounds * keys;
  };
  const auto until = steady_now() + trial.patience();
  run_together(trial, 4, [&](int number, Trial& own) {
    for (std::size_t round = 0; number == 0 && round < rounds; ++round) {
      std::vector<Envelope> some;
      for (std::size_t key = 0; key < keys; ++key) {
        const auto name = "key-" + std::to_string(key);
        some.push_back(
            event(name + "-" + std::to_string(round), name));  // an id is unique, and some brokers count on it
        some.back().subject = std::to_string(round);
      }
      publish(own, broker, "polite", some);
      std::this_thread::sleep_for(1ms);  // so that members come and go meanwhile
    }
    while (number > 0 && !done() && steady_now() < until) {
      const auto member = join(own, broker, "polite", "group");
      for (int fetches = 0; fetches < 10 && !done(); ++fetches) {
        const auto some = own.need(member->fetch(5, 2ms), "fetch");
        for (const auto& delivery : some) {
          const std::scoped_lock lock(mutex);
          ++seen;
          const auto wanted = next[std::string(delivery.envelope.key)]++;
          own.check(delivery.envelope.subject == std::to_string(wanted),
                    std::string(delivery.envelope.key) + ": number " + std::string(delivery.envelope.subject) +
                        " came where " + std::to_string(wanted) + " should, though nobody left without a word");
        }
        settle(own, *member, some);
      }
      own.need(member->close(trial.patience()), "close");
    }
  });
  trial.check(seen == rounds * keys,
              "of " + std::to_string(rounds * keys) + " events polite members saw " + std::to_string(seen));
}

void concurrent_subscribers_lose_nothing(Trial& trial) {
  constexpr std::size_t count = 3000;
  const auto broker = trial.open();
  create_topic(trial, *broker, "orders", 6);
  trial.need(join(trial, *broker, "orders", "group")->close(trial.patience()),
             "close");  // the group is there from the start
  std::atomic<std::size_t> published = 0;
  std::mutex mutex;
  std::set<std::string, std::less<>> seen;
  const auto all_seen = [&] {
    const std::scoped_lock lock(mutex);
    return published == count && seen.size() == count;
  };
  const auto until = steady_now() + trial.patience();
  run_together(trial, 4, [&](int number, Trial& own) {
    if (number == 0) {
      for (std::size_t batch = 0; batch < count / 10; ++batch) {
        std::vector<Envelope> some;
        for (std::size_t index = 0; index < 10; ++index) {
          const auto name = std::to_string(batch * 10 + index);
          some.push_back(event(name, "key-" + name.substr(name.size() > 2 ? name.size() - 2 : 0)));
        }
        publish(own, *broker, "orders", some);
        published += some.size();
      }
      return;
    }
    // Members come and go while events flow; the first goes without a word.
    while (!all_seen() && steady_now() < until) {
      const auto member = join(own, *broker, "orders", "group");
      for (int fetches = 0; fetches < 20 && !all_seen(); ++fetches) {
        const auto some = own.need(member->fetch(50, 10ms), "fetch");
        {
          const std::scoped_lock lock(mutex);
          for (const auto& delivery : some) seen.emplace(delivery.envelope.id);
        }
        const auto settled = some.empty() ? Result<>{} : member->settle(ids_of(some));
        own.check(settled || settled.error().code == "not_owner",
                  "settle of a member that shares: " + (settled ? "" : to_string(settled.error())));
      }
      if (number != 1) own.need(member->close(trial.patience()), "close");
    }
  });
  trial.check(seen.size() == count,
              "of " + std::to_string(count) + " events the group's members saw " + std::to_string(seen.size()));
  hand_over_in_order(trial, *broker);
}

/// One that always has something in its hands gives a partition up nevertheless: it gets nothing new from it.
void share_with_a_busy_member(Trial& trial, Broker& broker) {
  create_topic(trial, broker, "busy", 2);
  for (std::uint32_t batch = 0; batch < 40; ++batch)
    publish(trial, broker, "busy", events(std::to_string(batch), 50),
            {.wait_for = {}, .partition = Partition{batch % 2}});
  const auto busy = join(trial, broker, "busy", "group");
  std::deque<std::vector<Delivery>> held;
  for (int fetches = 0; fetches < 4; ++fetches) held.push_back(take(trial, *busy, 20));
  const auto idle = join(trial, broker, "busy", "group");
  // Its hands are never empty of its own accord; they are where the broker takes all for a moment, to share it out
  // anew.
  std::size_t handled = 0;
  bool shared = false;
  for (const auto until = steady_now() + trial.patience(); !shared && steady_now() < until;) {
    auto more = trial.need(busy->fetch(20, 10ms), "fetch");
    if (!more.empty()) held.push_back(std::move(more));
    if (!held.empty()) {
      settle(trial, *busy, held.front());
      handled += held.front().size();
      held.pop_front();
    }
    shared = handled < 2000 && !trial.need(idle->fetch(1, 2ms), "fetch").empty();
    if (handled >= 2000) break;
  }
  trial.check(shared, "a member that joined got nothing while another had something in its hands");
}

void members_of_a_group_share_the_work(Trial& trial) {
  const auto broker = trial.open();
  const auto second = trial.open();
  create_topic(trial, *broker, "orders", 4);
  std::vector<std::unique_ptr<Consumer>> members;
  members.push_back(join(trial, *broker, "orders", "group"));
  members.push_back(join(trial, *second, "orders", "group"));
  std::vector<std::vector<Delivery>> got;
  until_shared(trial, members, 2, got);
  std::set<Partition> held;
  for (const auto& member : members)
    for (const auto partition : member->assignment())
      trial.check(held.insert(partition).second, "partition " + std::to_string(partition.value) + " has two holders");
  trial.check(held.size() == 4, "some partition has no holder");
  for (int key = 0; key < 40; ++key)
    publish(trial, *broker, "orders", events("k" + std::to_string(key), 5, "key-" + std::to_string(key)));
  std::set<std::string, std::less<>> seen;
  const auto until = steady_now() + trial.patience();
  while (seen.size() < 200 && steady_now() < until) {
    for (std::size_t index = 0; index < 2; ++index) {
      auto some = trial.need(members[index]->fetch(100, 5ms), "fetch");
      settle(trial, *members[index], some);
      for (const auto& delivery : some)
        trial.check(seen.emplace(delivery.envelope.id).second,
                    std::string(delivery.envelope.id) + " came to two members");
      std::ranges::move(some, std::back_inserter(got[index]));
    }
  }
  trial.check(seen.size() == 200, "of 200 events the members saw " + std::to_string(seen.size()));
  trial.check(!got[0].empty() && !got[1].empty(), "one member had all the work");
  share_with_a_busy_member(trial, *broker);
}

void groups_are_independent(Trial& trial) {
  const auto broker = trial.open();
  const auto sent = events("e", 30, "key");
  const auto a = join(trial, *broker, "orders", "a");
  const auto b = join(trial, *broker, "orders", "b");
  publish(trial, *broker, "orders", sent);
  check_same(trial, names_of(handle(trial, *a, 30)), names_of(sent), "group a");
  trial.check(group_info(trial, *broker, "orders", "b").lag() == 30, "group b moved when group a settled");
  const auto got = take(trial, *b, 30);
  check_same(trial, names_of(got), names_of(sent), "group b");
  trial.need(b->reject(ids_of(got)), "reject");
  check_nothing_comes(trial, *a, "group b rejected");
  trial.check(group_info(trial, *broker, "orders", "a").lag() == 0, "group a moved when group b rejected");
  for (const auto& delivery : handle(trial, *b, 30))
    trial.check(delivery.attempt == 2, "a rejected event came as attempt " + std::to_string(delivery.attempt));
}

void a_slow_subscriber_delays_no_other_group(Trial& trial) {
  const auto broker = trial.open();
  ConsumerOptions slow;
  slow.group = "slow";
  slow.in_flight_max = 1;
  const auto stuck = subscribe(trial, *broker, "orders", slow);
  const auto fast = join(trial, *broker, "orders", "fast");
  publish(trial, *broker, "orders", events("first", 1));
  const auto kept = take(trial, *stuck, 1);
  for (int round = 0; round < 20; ++round) {
    const auto sent = events("e" + std::to_string(round), 50);
    publish(trial, *broker, "orders", sent);
    const auto extra = round == 0 ? 1u : 0u;
    trial.check(handle(trial, *fast, 50 + extra).size() == 50 + extra, "the fast group waits for the slow one");
  }
  trial.check(group_info(trial, *broker, "orders", "slow").lag() == 1001, "the slow group's lag is not 1,001");
  settle(trial, *stuck, kept);
}

void a_new_group_receives_old_events(Trial& trial) {
  const auto broker = trial.open();
  const auto sent = events("e", 100, "key");
  publish(trial, *broker, "orders", sent);
  check_same(trial, names_of(handle(trial, *join(trial, *broker, "orders", "first"), 100)), names_of(sent),
             "the first group");
  const auto late = join(trial, *broker, "orders", "late");
  check_same(trial, names_of(handle(trial, *late, 100)), names_of(sent), "a group that came after");
}

void a_rebalance_resumes_from_the_committed_position(Trial& trial) {
  const auto broker = trial.open();
  const auto second = trial.open();
  create_topic(trial, *broker, "orders", 2);
  publish(trial, *broker, "orders", events("a", 40), {.wait_for = {}, .partition = Partition{0}});
  publish(trial, *broker, "orders", events("b", 40), {.wait_for = {}, .partition = Partition{1}});

  // One goes without a word, with events in its hands.
  auto gone = join(trial, *broker, "orders", "group");
  const auto got = take(trial, *gone, 80);
  std::vector<Delivery> done;
  for (const auto& delivery : got)
    if (delivery.id.offset.value < 10) done.push_back(delivery);
  settle(trial, *gone, done);
  const auto heir = join(trial, *second, "orders", "group");
  gone.reset();
  std::set<std::string, std::less<>> seen;
  const auto until = steady_now() + trial.patience();
  std::vector<Delivery> held;
  while (seen.size() < 60 && steady_now() < until) {
    for (auto& delivery : trial.need(heir->fetch(100, 10ms), "fetch")) {
      trial.check(delivery.id.offset.value >= 10, std::string(delivery.envelope.id) + " was settled, and came again");
      seen.emplace(delivery.envelope.id);
      held.push_back(std::move(delivery));
    }
  }
  trial.check(seen.size() == 60, "of 60 unsettled events the heir got " + std::to_string(seen.size()));
  settle(trial, *heir, held);
  trial.check(group_info(trial, *broker, "orders", "group").lag() == 0, "the heir settled all, but there is a lag");

  // One hangs: it fetches, and never settles. Its partition moves when its time is over, and its word counts no more.
  ConsumerOptions options;
  options.group = "hung";
  options.settle_within = 300ms;
  const auto hung = subscribe(trial, *broker, "orders", options);
  const auto unsettled = take(trial, *hung, 80);
  const auto taker = subscribe(trial, *second, "orders", options);
  std::vector<Delivery> taken;
  for (const auto end = steady_now() + trial.patience(); taken.empty() && steady_now() < end;) {
    taken = trial.need(taker->fetch(100, 20ms), "fetch");
    if (taken.empty()) (void)trial.need(hung->fetch(1, 1ms), "fetch");
  }
  trial.require(!taken.empty(), "a member that settles nothing keeps its partitions from one that joined");
  std::vector<DeliveryId> stale;
  for (const auto& delivery : unsettled)
    if (delivery.id.partition == taken.front().id.partition) stale.push_back(delivery.id);
  trial.check_error(hung->settle(stale), "not_owner", Retry::never, "settling what has gone to another member");
  for (const auto& partition : group_info(trial, *broker, "orders", "hung").partitions)
    trial.check(partition.position.value == 0, "a member that had lost its partition moved the group's position");
}

/// One that works on what is no delivery keeps its partition for that, as long as it says so and no longer.
void a_kept_partition_moves_once_it_is_let_go(Trial& trial) {
  const auto broker = trial.open();
  const auto second = trial.open();
  create_topic(trial, *broker, "kept", 1);
  ConsumerOptions options;
  options.group = "group";
  options.settle_within = 30s;
  auto holder = subscribe(trial, *broker, "kept", options);
  for (const auto end = steady_now() + trial.patience(); holder->assignment().empty() && steady_now() < end;)
    (void)trial.need(holder->fetch(1, 5ms), "fetch");
  const auto hold = holder->keep(Partition{0});
  trial.require(hold.has_value(), "a partition that is held cannot be kept");
  if (hold->generation == 0) return;  // the broker keeps nothing, and says so
  trial.check(!hold->is_wanted, "a partition is wanted where there is one member");
  trial.check(!holder->keep(Partition{7}), "a partition that is not there is kept");
  publish(trial, *broker, "kept", events("e", 1, "key"));
  const auto got = take(trial, *holder, 1);
  trial.check(got.size() == 1 && got.front().id.generation == hold->generation,
              "deliveries and `keep` tell different generations");
  settle(trial, *holder, got);
  const auto leaver = [&](Consumer& member) { (void)trial.need(member.fetch(1, 5ms), "fetch"); };
  options.settle_within = 400ms;
  auto heir = subscribe(trial, *second, "kept", options);
  holder->keep(Partition{0});
  // Two members and one partition: whoever is to have it, the one that goes gives it up.
  std::jthread leaving([&] { trial.need(holder->close(trial.patience()), "close"); });
  for (int look = 0; look < 40; ++look) {
    leaver(*heir);
    trial.check(heir->assignment().empty(), "a partition that is kept has moved");
  }
  holder->let_go(Partition{0});
  for (const auto end = steady_now() + trial.patience() / 2; heir->assignment().empty() && steady_now() < end;)
    leaver(*heir);
  const bool has_moved = !heir->assignment().empty();  // before closing gives it up in any case
  leaving.join();
  trial.require(has_moved, "a partition that was let go does not move");
  const auto next = heir->keep(Partition{0});
  trial.check(next && next->generation > hold->generation, "the next hold has no later generation");
  trial.check(!holder->keep(Partition{0}), "who lost a partition keeps it");
  // And it moves where its time is over: nobody lets it go.
  options.settle_within = 30s;
  const auto last = subscribe(trial, *broker, "kept", options);
  heir->keep(Partition{0});
  std::jthread closing([&] { (void)heir->close(trial.patience()); });
  for (const auto end = steady_now() + trial.patience(); last->assignment().empty() && steady_now() < end;)
    leaver(*last);
  closing.join();
  trial.check(!last->assignment().empty(), "a partition that nobody prolongs is kept for ever");
}

}  // namespace

std::vector<CaseEntry> group_cases() {
  return {
      {{"concurrent_subscribers_lose_nothing",
        "Members come, go and vanish while events flow, and every event reaches one."},
       concurrent_subscribers_lose_nothing},
      {{"members_of_a_group_share_the_work",
        "Partitions are spread evenly, each has one holder, each event comes to one member."},
       members_of_a_group_share_the_work},
      {{"groups_are_independent", "What one group settles or rejects is nothing to another."}, groups_are_independent},
      {{"a_slow_subscriber_delays_no_other_group",
        "A group that stands still holds up neither publishers nor other groups."},
       a_slow_subscriber_delays_no_other_group},
      {{"a_new_group_receives_old_events", "A group that comes later starts from the first event kept."},
       a_new_group_receives_old_events},
      {{"a_rebalance_resumes_from_the_committed_position",
        "Who takes a partition over goes on where it was settled; who lost it has no say."},
       a_rebalance_resumes_from_the_committed_position},
      {{"a_kept_partition_moves_once_it_is_let_go",
        "A member keeps a partition for what is no delivery, until it lets it go or its time is over."},
       a_kept_partition_moves_once_it_is_let_go},
  };
}

}  // namespace tidings::testing
