#include "describe/guarantees.hpp"

#include <algorithm>

namespace tidings::cli {

namespace {

/// Whether the broker drops what a publisher sends twice under its sequence, as `Capabilities::producers` says, and no
/// publish can come late.
bool knows_publishers(BrokerKind broker) {
  return broker == BrokerKind::memory || broker == BrokerKind::log;
}

/// Whether a process that stands still keeps its partitions, so that nobody handles them meanwhile.
bool waits_for_the_stalled(BrokerKind broker) {
  return broker == BrokerKind::memory || broker == BrokerKind::log;
}

Durability durability_of(const PathFacts& facts) {
  if (facts.durability) return *facts.durability;
  return facts.broker == BrokerKind::log || facts.broker == BrokerKind::nats ? Durability::durable : Durability::memory;
}

const char* const make_durable =
    "make the topic anew with --durability durable, before its services start (tidings topics create)";

void add_power_cut(const PathFacts& facts, Guarantee& loss) {
  const auto durability = durability_of(facts);
  switch (facts.broker) {
    case BrokerKind::memory:
      loss.causes.push_back({"process-end",
                             "the broker is in the memory of one process: what waits is gone when that ends, and no "
                             "other process sees it",
                             "take log:, nats: or kafka: for what must not be lost"});
      return;
    case BrokerKind::unknown:
      loss.causes.push_back({"unknown-broker", "the program opens its broker itself, and does not tell which",
                             "name the broker by its URL, in the settings or with --broker"});
      return;
    case BrokerKind::log:
      if (durability == Durability::memory)
        loss.causes.push_back({"power-cut",
                               "the topic is 'memory': what the kernel has not written back goes with the power",
                               make_durable});
      else if (durability == Durability::interval)
        loss.causes.push_back(
            {"power-cut", "the topic is 'interval': the last second goes with the power", make_durable});
      else
        loss.because.emplace_back("the topic is durable: what was acknowledged is on the disk");
      return;
    case BrokerKind::nats:
      if (facts.replicas < 3)
        loss.causes.push_back({"power-cut",
                               "one server of NATS acknowledges before it syncs: what it had not synced goes with its "
                               "power",
                               "take a cluster, and replicas=3 in the broker's URL before the topic is made"});
      else
        loss.because.push_back(std::to_string(facts.replicas) +
                               " servers of NATS keep the topic, and most of them have what was acknowledged");
      return;
    case BrokerKind::kafka:
      if (durability == Durability::durable) {
        loss.because.emplace_back("the topic is durable: each replica in sync has synced what was acknowledged");
      } else {
        loss.causes.push_back(
            {"power-cut",
             durability == Durability::memory
                 ? "the topic is 'memory': what was acknowledged is in the memory of the replicas in sync, and goes "
                   "where all of them lose power"
                 : "the topic is 'interval': the last second goes where all replicas lose power",
             make_durable});
      }
      loss.provided.emplace_back(
          "the cluster keeps more than one replica in sync (min.insync.replicas), and elects no unclean leader");
      return;
  }
}

Guarantee loss_of(const PathFacts& facts) {
  Guarantee loss;
  add_power_cut(facts, loss);
  if (facts.is_bounded && !facts.waits_for_groups)
    loss.causes.push_back({"retention",
                           "the topic has a retention: a group that is behind for longer loses what went (counted as "
                           "skipped)",
                           facts.broker == BrokerKind::log ? "let the retention wait for groups, or keep events longer"
                                                           : "keep events longer than a group may be behind"});
  if (!facts.claims_keep.empty())
    loss.causes.push_back({"claim-expiry",
                           "a payload above claim_check.above waits in a folder, and is kept for " + facts.claims_keep +
                               ": a group that is behind for longer parks its event, which has none any more",
                           "set claim_check.keep beyond what a group may be behind and a dead letter may lie, or leave "
                           "it out: payloads are kept for ever then"});
  if (!facts.ttl.empty())
    loss.causes.push_back({"expiry", "the event is worth handling for " + facts.ttl + ", and is settled unhandled then",
                           "take .ttl out of its traits, or accept it"});
  if (!facts.remembers)
    loss.causes.push_back({"absence",
                           "a process without a name remembers nothing: it gets what comes after it has started",
                           "give each process a name, by the setting instance"});
  else if (facts.starts_latest)
    loss.causes.push_back({"late-start", "a new group starts at the latest event, and leaves out what was there before",
                           "start it at the earliest"});
  if (facts.starts_latest && facts.remembers && facts.broker == BrokerKind::kafka)
    loss.provided.emplace_back(
        "the group is never away for longer than Kafka keeps its position (offsets.retention.minutes, 7 days)");
  switch (facts.by) {
    case Publishing::outbox:
      loss.because.emplace_back("it stands in the outbox with the commit, and stays there until the broker has it");
      if (!facts.relays)
        loss.provided.emplace_back("a relay runs, as tidings outbox relay: the service itself does not relay");
      break;
    case Publishing::handler:
      loss.because.emplace_back("the handler's own event is settled only once this one is published");
      break;
    case Publishing::schedule:
      loss.provided.emplace_back(
          knows_publishers(facts.broker)
              ? "a process of the service runs: of the times that were missed one is made up for"
              : "a process of the service runs, and the machine with its schedule.broker is not lost");
      break;
    case Publishing::direct:
    case Publishing::unknown:
      loss.provided.emplace_back(
          "its publisher waits for the acknowledgement, and does anew what was not acknowledged when it died: that was "
          "never published");
      break;
  }
  loss.because.emplace_back("it is settled after its effects, and what cannot be handled waits in the dead letters");
  return loss;
}

/// What the broker itself makes of the same id twice.
std::string while_it_is_known(const PathFacts& facts) {
  if (facts.broker != BrokerKind::nats) return "";
  return "; NATS drops it within " + facts.duplicate_window + " (duplicate_window) alone";
}

Guarantee duplicates_of(const PathFacts& facts) {
  Guarantee duplicates;
  if (facts.transaction) {
    duplicates.because.push_back("its effects and the inbox's mark of its id are one transaction" +
                                 std::string(facts.each_process ? ", of each process" : ""));
    duplicates.provided.emplace_back(
        "its effects are in the service's store; what it does elsewhere may be done again");
    if (!facts.inbox_window.empty())
      duplicates.because.push_back("marks are kept for " + facts.inbox_window +
                                   "; what may have been handled before that is parked");
  } else {
    duplicates.causes.push_back({"redelivery",
                                 "its process dies between the effect and the acknowledgement, or is silent for too "
                                 "long: the event comes again",
                                 "take a Transaction& in the handler, or have its effects bear repeats"});
  }
  switch (facts.by) {
    case Publishing::outbox:
      if (knows_publishers(facts.broker))
        duplicates.because.emplace_back("the broker knows the relay, and drops what it has had from it");
      else if (facts.transaction)
        duplicates.because.emplace_back("what a relay sends twice has one id, which the inbox knows");
      else
        duplicates.causes.push_back({"resend",
                                     "a relay dies, or hangs beyond its lease, after it has sent: its successor sends "
                                     "the same again, under one id" +
                                         while_it_is_known(facts),
                                     "take a Transaction& in the handler: the inbox knows the id"});
      break;
    case Publishing::handler:
      duplicates.causes.push_back({"republish",
                                   "the publishing handler has no transaction: when it comes again it publishes again, "
                                   "under another id, which no inbox knows",
                                   "take a Transaction& in the publishing handler, so that it goes by the outbox"});
      break;
    case Publishing::schedule:
      if (facts.transaction)
        duplicates.because.emplace_back("what a schedule publishes twice has one id, which the inbox knows");
      else
        duplicates.causes.push_back(
            {"resend", "a crash while it is due publishes it twice, under one id" + while_it_is_known(facts),
             "take a Transaction& in the handler: the inbox knows the id"});
      break;
    case Publishing::direct:
    case Publishing::unknown:
      if (facts.transaction)
        duplicates.provided.emplace_back(
            "its publisher, where it tries again (outcome_unknown), does so under the same id");
      else if (facts.broker == BrokerKind::nats)
        duplicates.provided.push_back(
            "its publisher, where it tries again (outcome_unknown), does so under the same id, and within " +
            facts.duplicate_window + ", while NATS knows it (duplicate_window)");
      else
        duplicates.provided.emplace_back("its publisher does not publish again what may be there (outcome_unknown)");
      break;
  }
  return duplicates;
}

Guarantee order_of(const PathFacts& facts) {
  Guarantee order;
  if (facts.keyed && !*facts.keyed) {
    order.causes.push_back({"no-key", "the event has no key: each is by itself, on any partition and any worker",
                            "give it a key in its traits"});
    return order;
  }
  if (!facts.keyed) order.provided.emplace_back("the event has a key: its type is not known here");
  if (facts.broker == BrokerKind::unknown)
    order.causes.push_back({"unknown-broker", "the program opens its broker itself, and does not tell which",
                            "name the broker by its URL, in the settings or with --broker"});
  if (!facts.parked_wait)
    order.causes.push_back({"parked", "later events of a key are handled while an earlier one is parked",
                            facts.remembers ? "leave after_parked as it is, 'wait'"
                                            : "give each process a name, by the setting instance"});
  if (!facts.transaction && !waits_for_the_stalled(facts.broker) && facts.broker != BrokerKind::unknown)
    order.causes.push_back({"stalled",
                            "a process that stands still for longer than the broker waits loses its partitions, and "
                            "goes on later with what it had begun, after what others have done",
                            "take a Transaction& in the handler: the inbox refuses the late one"});
  if (facts.by == Publishing::outbox && !knows_publishers(facts.broker) && facts.broker != BrokerKind::unknown) {
    if (facts.transaction)
      order.because.emplace_back("what a late relay sends again is known by its id");
    else
      order.causes.push_back({"late-repeat",
                              "a relay that hangs beyond its lease may send an old event again, behind newer ones",
                              "take a Transaction& in the handler: the inbox knows the id"});
  }
  order.because.emplace_back("events of one key are in one partition, in the order of their publication");
  order.because.push_back(
      facts.batches ? "one worker takes a partition's events in their order; after a failure one at a time"
                    : "events of one key run one after another, retries included" +
                          (facts.concurrency > 1 ? ", up to " + std::to_string(facts.concurrency) + " keys at once"
                                                 : std::string()));
  if (facts.parked_wait) order.because.emplace_back("behind a parked event those of its key are parked, too");
  switch (facts.by) {
    case Publishing::outbox:
      if (facts.is_serial)
        order.because.emplace_back("transactions that publish it follow one another, and the outbox keeps their order");
      else
        order.provided.emplace_back(
            "a transaction locks what the key stands for before it publishes: the outbox keeps the order of its rows");
      break;
    case Publishing::handler:
      order.provided.emplace_back("the events of one key are published for one key of the publishing handler's events");
      break;
    case Publishing::schedule:
      order.because.emplace_back("one process after another publishes what is due");
      break;
    case Publishing::direct:
    case Publishing::unknown:
      order.provided.emplace_back("the events of one key are published one after another, by one thread");
      if (facts.broker == BrokerKind::kafka && facts.by == Publishing::unknown)
        order.provided.emplace_back("its publishers put keys where Tidings does (partitioner= in the broker's URL)");
      break;
  }
  if (facts.has_others) order.provided.emplace_back("of several publishers, who comes first is theirs to settle");
  return order;
}

template <class T>
void add_new(std::vector<T>& all, const std::vector<T>& more) {
  for (const auto& one : more)
    if (std::ranges::find(all, one) == all.end()) all.push_back(one);
}

void add_to(Guarantee& all, const Guarantee& more) {
  add_new(all.causes, more.causes);
  add_new(all.because, more.because);
  add_new(all.provided, more.provided);
}

}  // namespace

Guarantees guarantees_of(const PathFacts& facts) {
  return {.loss = loss_of(facts), .duplicates = duplicates_of(facts), .order = order_of(facts)};
}

void add_to(Guarantees& all, const Guarantees& more) {
  add_to(all.loss, more.loss);
  add_to(all.duplicates, more.duplicates);
  add_to(all.order, more.order);
}

std::vector<std::string> causes_known(std::string_view guarantee) {
  if (guarantee == "loss")
    return {"absence",   "claim-expiry", "expiry",    "late-start",
            "power-cut", "process-end",  "retention", "unknown-broker"};
  if (guarantee == "duplicates") return {"redelivery", "republish", "resend"};
  if (guarantee == "order") return {"late-repeat", "no-key", "parked", "stalled", "unknown-broker"};
  return {};
}

}  // namespace tidings::cli
