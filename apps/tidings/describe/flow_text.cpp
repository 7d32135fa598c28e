#include <algorithm>

#include "demo/frame.hpp"
#include "describe/flow.hpp"
#include "describe/words.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {

namespace {

std::string names_of(const Guarantee& guarantee) {
  std::string all;
  for (const auto& cause : guarantee.causes) all += (all.empty() ? "" : ", ") + cause.name;
  return all;
}

std::string short_text(const Guarantees& all) {
  return "loss: " + (all.loss.causes.empty() ? "none" : "possible (" + names_of(all.loss) + ")") + "; duplicates: " +
         (all.duplicates.causes.empty() ? "none in effect" : "possible (" + names_of(all.duplicates) + ")") +
         "; order: " + (all.order.causes.empty() ? "by key" : "not certain (" + names_of(all.order) + ")");
}

std::string producers_of(const Flow::Event& event) {
  std::string all;
  for (const auto& one : event.producers)
    all += (all.empty() ? "" : ", ") + printable(to_text(one)) + " (" + std::string(to_text(one.by)) + ")";
  return all.empty() ? "unknown publishers" : all;
}

std::string facts_of(const Flow::Topic& topic) {
  std::string text;
  const auto add = [&](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
  if (topic.partitions) add(grouped(*topic.partitions) + (*topic.partitions == 1 ? " partition" : " partitions"));
  if (topic.durability) add(std::string(to_string(*topic.durability)));
  if (topic.retention && !topic.retention->is_for_ever()) add("with a retention");
  if (topic.events_kept) add(grouped(*topic.events_kept) + (*topic.events_kept == 1 ? " event" : " events"));
  return text;
}

std::string name_of(const Flow::Event& event) {
  if (event.type.empty()) return "whatever comes";
  return printable(event.type) + (event.version > 1 ? " " + std::to_string(event.version) : "");
}

/// The services with what they are made of.
std::string services_text(const Flow& flow) {
  std::string out;
  for (const auto& one : flow.services) {
    const auto& told = one.told;
    std::vector<std::string> handlers, schedules, projections;
    for (const auto& handler : told.handlers) handlers.push_back(handler.name);
    for (const auto& schedule : told.schedules) schedules.push_back(schedule.name);
    for (const auto& projection : told.projections) projections.push_back(projection.name);
    auto text = handlers.empty() ? "no handlers" : listed(handlers);
    if (!schedules.empty()) text += "; schedules " + listed(schedules);
    if (!projections.empty()) text += "; projections " + listed(projections);
    if (!told.store.empty()) text += "; store " + printable(told.store);
    out += wrapped("  " + printable(told.service) + ": ", text, 6);
    for (const auto& request : told.requests) {
      std::vector<std::string> replies;
      for (const auto& reply : request.replies) replies.push_back(reply.type);
      out +=
          wrapped("      asks ", printable(request.event.type) + ", answered on " + printable(request.replies_topic) +
                                     (replies.empty() ? "" : " by " + listed(replies)));
    }
  }
  return out;
}

/// Paths of one group that promise the same stand together.
struct Promise {
  std::vector<std::string> events;
  std::string text;
};

std::string topic_text(const Flow& flow, const Flow::Topic& topic) {
  const auto facts = facts_of(topic);
  auto out = "\n" + wrapped("topic " + printable(topic.name) + (facts.empty() ? "" : ": "), facts, 6);
  for (const auto at : topic.events) {
    const auto& event = flow.events[at];
    out += wrapped("  " + name_of(event) + " ", "from " + producers_of(event), 6);
  }
  for (const auto& group : topic.groups) {
    std::string state;
    if (group.lag) state += ", lag " + grouped(*group.lag);
    if (group.parked > 0) state += ", parked " + grouped(group.parked);
    if (group.service.empty()) {
      out += wrapped("  -> ", "group " + printable(group.name) + ", of none of these services" + state, 6);
      continue;
    }
    out += wrapped("  -> ", printable(group.name) + state, 6);
    std::vector<Promise> promises;
    for (const auto& path : flow.paths) {
      if (path.group != group.name || flow.events[path.event].topic != topic.name) continue;
      auto text = short_text(path.guarantees);
      auto same = std::ranges::find(promises, text, &Promise::text);
      if (same == promises.end()) same = promises.insert(same, {{}, std::move(text)});
      same->events.push_back(name_of(flow.events[path.event]));
    }
    for (const auto& promise : promises) {
      std::string events;
      for (const auto& event : promise.events) events += (events.empty() ? "" : ", ") + event;
      out += wrapped("     ", events) + wrapped("       ", promise.text);
    }
  }
  if (topic.groups.empty()) out += "  -> none of these services\n";
  return out;
}

std::string legend(const Flow& flow) {
  std::vector<Cause> causes;
  std::vector<std::string> provided;
  const auto add = [](auto& all, const auto& more) {
    for (const auto& one : more)
      if (std::ranges::find(all, one) == all.end()) all.push_back(one);
  };
  for (const auto& path : flow.paths)
    for (const auto* const one : {&path.guarantees.loss, &path.guarantees.duplicates, &path.guarantees.order}) {
      add(causes, one->causes);
      add(provided, one->provided);
    }
  std::string out;
  if (!causes.empty()) out += "\nwhere a guarantee does not hold:\n";
  for (const auto& one : causes)
    out += wrapped("  " + one.name + ": ", printable(one.when), 6) +
           wrapped("      to change it: ", printable(one.change), 8);
  if (!provided.empty()) out += "\nwhat the others count on:\n";
  for (const auto& one : provided) out += wrapped("  - ", printable(one));
  return out;
}

std::string explained(std::string_view what, std::string_view holds, const Guarantee& guarantee) {
  auto out = wrapped("    " + std::string(what) + ": ",
                     guarantee.causes.empty() ? std::string(holds) : "possible: " + names_of(guarantee), 6);
  if (what == "order" && !guarantee.causes.empty())
    out = wrapped("    order: ", "not certain: " + names_of(guarantee), 6);
  for (const auto& cause : guarantee.causes)
    out += wrapped("      - ", printable(cause.when)) + wrapped("        to change it: ", printable(cause.change), 10);
  for (const auto& why : guarantee.because) out += wrapped("      since ", printable(why), 8);
  for (const auto& what_else : guarantee.provided) out += wrapped("      provided that ", printable(what_else), 8);
  return out;
}

std::string steps_text(const std::vector<ServiceDescription::Step>& steps, bool is_numbered) {
  std::string out;
  std::size_t number = 0;
  for (const auto& step : steps)
    out += wrapped("      " + (is_numbered ? std::to_string(++number) + ". " : "") + printable(step.name) + ": ",
                   printable(step.does), 10);
  return out;
}

const ServiceDescription::Handler* handler_of(const Flow& flow, const Flow::Path& path) {
  for (const auto& service : flow.services) {
    if (service.told.service != path.service) continue;
    const auto at = std::ranges::find(service.told.handlers, path.handler, &ServiceDescription::Handler::name);
    if (at != service.told.handlers.end()) return &*at;
  }
  return nullptr;
}

std::string path_text(const Flow& flow, const Flow::Topic& topic, const Flow::Path& path) {
  const auto group = std::ranges::find(topic.groups, path.group, &Flow::Group::name);
  const bool is_known = group != topic.groups.end();
  auto out =
      "\n" + wrapped("  -> ",
                     "group " + printable(path.group) + ": handler " + printable(path.handler) + " of service " +
                         printable(path.service) + (is_known && group->lag ? ", lag " + grouped(*group->lag) : ""),
                     6);
  if (const auto* const handler = handler_of(flow, path); handler != nullptr) {
    out += "    each attempt, in this order:\n" + steps_text(handler->steps, true) + "    when one fails:\n" +
           steps_text(handler->on_failure, false);
    out += wrapped("    its effects are ",
                   handler->transaction ? "there once: in the service's store, with the inbox"
                                        : "there as often as it is handled: it has no inbox",
                   6);
  }
  return out + explained("loss", "none", path.guarantees.loss) +
         explained("duplicates", "none in effect", path.guarantees.duplicates) +
         explained("order", "by key", path.guarantees.order);
}

}  // namespace

std::string to_text(const Flow& flow) {
  const auto count = flow.services.size();
  auto out = wrapped(
      "", std::string(count == 1 ? "1 service" : std::to_string(count) + " services") + ", " +
              (flow.knows_broker ? "as code and broker say:" : "as code says (--broker asks the broker, too):"));
  out += services_text(flow);
  for (const auto& topic : flow.topics) out += topic_text(flow, topic);
  return out + legend(flow);
}

Result<std::string> explain(const Flow& flow, const std::string& type) {
  std::string out;
  for (std::size_t at = 0; at < flow.events.size(); ++at) {
    const auto& event = flow.events[at];
    if (event.type != type) continue;
    const auto& topic = *flow.topic(event.topic);
    const auto facts = facts_of(topic);
    out += wrapped(out.empty() ? "event " : "\nevent ",
                   name_of(event) + (event.keyed ? ", with a key" : ", without a key") +
                       (event.ttl.empty() ? "" : ", worth handling for " + printable(event.ttl)));
    out += wrapped("  from ", producers_of(event));
    out += wrapped("  over topic ", printable(topic.name) +
                                        (topic.broker.empty() ? "" : " at " + printable(topic.broker)) +
                                        (facts.empty() ? "" : ": " + facts));
    bool is_taken = false;
    for (const auto& path : flow.paths)
      if (path.event == at) {
        out += path_text(flow, topic, path);
        is_taken = true;
      }
    for (const auto& group : topic.groups)
      if (group.service.empty())
        out += "\n" + wrapped("  -> ", "group " + printable(group.name) + ", of none of these services");
    if (!is_taken) out += "\n  -> none of these services takes it\n";
  }
  if (out.empty()) return unknown_event(flow, type);
  return out;
}

}  // namespace tidings::cli
