#include <algorithm>
#include <set>

#include "awaiting_pause.hpp"
#include "commands.hpp"
#include "interrupt.hpp"
#include "json_line.hpp"
#include "letters_meant.hpp"
#include "output.hpp"
#include "tidings/base/text.hpp"
#include "tidings/service/pausing.hpp"

// `tidings pause` and `tidings resume`: asks the processes of a service, and tells who has obeyed.
namespace tidings::cli {
namespace {

using namespace std::chrono_literals;

class Steering {
 public:
  Steering(const Common& common, const PauseArguments& arguments, Duration deadline)
      : common_(common), arguments_(arguments), deadline_(deadline) {}

  int run(Broker& broker) {
    auto asked = Pausing::ask(broker, arguments_.target, arguments_.pauses, common_.name_space);
    if (!asked) return fail(asked.error());
    int printed = done;
    const auto outcome = await_pause(
        *asked, deadline_,
        [&](const PauseAnswer& one) {
          printed = tell(asked->id(), one);
          return printed == done;
        },
        [] { return await(-1, 0, 0ms) != Awaited::interrupted; });
    if (!outcome) return fail(outcome.error());
    switch (outcome->end) {
      case PauseOutcome::End::all:
        return end();
      case PauseOutcome::End::nobody:
        return nobody(*asked, outcome->silence);
      case PauseOutcome::End::not_all:
        return not_all(outcome->silence.partitions);
      case PauseOutcome::End::interrupted:
        break;
    }
    if (printed != done) return printed;
    complain("the request stands, and is carried out all the same");
    return status_after_signals(done);
  }

 private:
  [[nodiscard]] std::string what() const { return arguments_.pauses ? "paused" : "resumed"; }

  int tell(const std::string& id, const PauseAnswer& one) {
    processes_.insert(one.process);
    ++handlers_;
    std::string held;
    for (const auto& partition : one.partitions) held += (held.empty() ? "" : ", ") + partition;
    if (common_.json) {
      std::vector<std::string> partitions;
      for (const auto& partition : one.partitions) partitions.push_back(json_text(partition));
      return print(harmless_json(JsonLine()
                                     .add("group", one.group)
                                     .add("process", one.process)
                                     .raw("paused", one.paused ? "true" : "false")
                                     .raw("partitions", json_array(partitions))
                                     .add("request", id)
                                     .str()) +
                   "\n");
    }
    const bool stays = one.paused && !arguments_.pauses;
    return print(printable(one.group) + (stays ? " stays paused by its own program" : " " + what()) + " in process " +
                 printable(one.process) + (held.empty() ? "" : ", which holds " + printable(held)) + "\n");
  }

  int end() const {
    if (!common_.json)
      complain(how_many(handlers_, "handler") + " " + what() + ", in " + std::to_string(processes_.size()) +
               (processes_.size() == 1 ? " process" : " processes") +
               (arguments_.pauses ? "; what runs goes on to its end, and who starts later begins paused" : ""));
    return done;
  }

  /// What may have been meant, as it was written.
  [[nodiscard]] std::string meant(const std::vector<std::string>& groups) const {
    const auto& target = arguments_.target;
    std::vector<std::string> names;
    for (const auto& group : groups) {
      const auto dot = group.rfind('.');
      if (dot == group.npos) continue;
      const auto service = group.substr(0, dot);
      if (target.find('/') != target.npos) {
        names.push_back(service + "/" + group.substr(dot + 1));
      } else {
        names.push_back(service);
        names.push_back(group);
      }
    }
    const auto near = nearest(target, names);
    return near.empty() ? "" : "; did you mean '" + printable(near) + "'?";
  }

  int nobody(Pausing& asked, const Pausing::Silence& silence) const {
    const auto& target = arguments_.target;
    if (!silence.any_group) {
      // A name that nobody has is a mistake, and leaves nothing behind.
      if (auto back = asked.take_back(); !back) complain(back.error());
      return fail({"unknown_service",
                   "no process answers as " + target + ", and no group is named so or belongs to a service of that " +
                       "name; nothing was changed (`tidings groups` lists the groups, SERVICE.HANDLER)" +
                       meant(silence.known)});
    }
    return fail({"nobody_answers", "no process of " + target + " runs" +
                                       (arguments_.pauses ? "; the pause stands all the same, and who starts begins "
                                                            "paused: `tidings resume " +
                                                                target + "` takes it back"
                                                          : "; who starts begins without a pause")});
  }

  int not_all(const std::vector<std::string>& partitions) const {
    std::string all;
    for (const auto& one : partitions) all += (all.empty() ? "" : ", ") + printable(one);
    return fail({"timeout", "no answer within " + arguments_.deadline + " from who holds " + all +
                                "; the request stands, and is obeyed when it is read: look at the service's log"});
  }

  const Common& common_;
  const PauseArguments& arguments_;
  const Duration deadline_;
  std::set<std::string> processes_;
  std::uint64_t handlers_ = 0;
};

int list(const Common& common, Broker& broker) {
  auto standing = Pausing::standing(broker, common.name_space);
  if (!standing) return fail(standing.error());
  std::string out;
  std::vector<std::vector<std::string>> cells;
  for (const auto& one : *standing) {
    const auto since = to_rfc3339(std::chrono::floor<std::chrono::seconds>(one.since));
    if (common.json)
      out += harmless_json(JsonLine()
                               .add("target", one.target)
                               .raw("paused", one.paused ? "true" : "false")
                               .add("since", since)
                               .str()) +
             "\n";
    else
      cells.push_back({printable(one.target), one.paused ? "paused" : "goes on", since});
  }
  if (!cells.empty()) out = table({"target", "is", "since"}, cells);
  if (standing->empty()) complain("nothing is paused");
  return print(out);
}

}  // namespace

int pause(const Common& common, const PauseArguments& arguments) {
  auto deadline = parse_duration(arguments.deadline);
  if (!deadline) return fail(deadline.error());
  const bool lists = arguments.target.empty();
  if (auto valid = lists ? Result<>{} : Pausing::check(arguments.target); !valid) return fail(valid.error());
  catch_signals();
  auto broker = open(common, false);
  if (!broker) return fail(broker.error());
  return lists ? list(common, **broker) : Steering(common, arguments, *deadline).run(**broker);
}

}  // namespace tidings::cli
