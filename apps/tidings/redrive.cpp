#include <algorithm>
#include <set>

#include "commands.hpp"
#include "interrupt.hpp"
#include "json_line.hpp"
#include "letters_meant.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "tidings/base/text.hpp"

// What is done with what is parked: `tidings dead-letters redrive` and `drop`. The group's service does it; this asks
// for it, and watches.
namespace tidings::cli {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds look_every = 100ms;

struct Meant {
  std::uint64_t events = 0;
  std::uint64_t keys = 0;
};

class Driving {
 public:
  Driving(const Common& common, const DeadLetterArguments& arguments, DeadLetterRequest request, Duration deadline)
      : common_(common),
        arguments_(arguments),
        request_(std::move(request)),
        drops_(request_.action == DeadLetterRequest::Action::drop),
        deadline_(deadline) {}

  int run(DeadLetters& letters) {
    auto meant = look(letters);
    if (!meant) return fail(meant.error());
    meant_ = *meant;
    if (meant_.events == 0) {
      complain("nothing is parked in group " + arguments_.group +
               (says_which(arguments_) ? " of what is asked for" : ""));
      return tell("nothing", {});
    }
    if (arguments_.dry_run) return tell("dry_run", {});
    auto asked = letters.publish(request_, common_.name_space);
    if (!asked) return fail(asked.error());
    id_ = *asked;
    return watch(letters);
  }

 private:
  Result<Meant> look(DeadLetters& letters) const {
    Meant meant;
    std::set<std::pair<std::string, std::string>> keys;
    auto listed = letters.for_each(request_, [&](const DeadLetter& letter) {
      ++meant.events;
      if (letter.blocks)
        keys.emplace(letter.topic, letter.delivery.envelope.key);
      else
        ++meant.keys;
      return true;
    });
    if (!listed) return listed.error();
    meant.keys += keys.size();
    return meant;
  }

  /// Until it is done, or nobody is there to do it, or it does not get on.
  int watch(DeadLetters& letters) {
    Progress bar(meant_.events);
    DeadLetterProgress before;
    auto since = Steady::now();
    while (true) {
      auto progress = letters.progress();
      if (!progress) return fail(progress.error());
      const auto& now = *progress;
      const auto gone = now.redriven + now.dropped + now.failed;
      bar.show(gone, gone);
      if (now.done >= now.partitions) {
        bar.hide();
        return end(now);
      }
      if (now.begun >= now.partitions && !arguments_.wait) {
        bar.hide();
        return tell("begun", now);
      }
      if (gone != before.redriven + before.dropped + before.failed || now.begun != before.begun ||
          now.done != before.done)
        since = Steady::now();
      before = now;
      if (now.begun < now.partitions) {
        auto anybody = letters.is_anybody_there();
        if (!anybody) return fail(anybody.error());
        if (!*anybody && Steady::now() - since > 1s) {  // one that starts just now is not there yet
          bar.hide();
          complain("no service of group " + arguments_.group + " runs; it is done when one starts");
          return tell("waiting", now);
        }
      }
      if (Steady::now() - since > deadline_) {
        bar.hide();
        (void)tell(now.begun < now.partitions ? "waiting" : "begun", now);
        return fail({"timeout", now.begun < now.partitions
                                    ? "no service of the group took it up within " + arguments_.deadline +
                                          "; it does when it can: look at its log"
                                    : "nothing more was done within " + arguments_.deadline +
                                          "; it goes on: look at the service's log"});
      }
      if (await(-1, 0, look_every) == Awaited::interrupted) {
        bar.hide();
        complain("the request stands, and is carried out all the same");
        return status_after_signals(done);
      }
    }
  }

  int end(const DeadLetterProgress& progress) {
    const auto printed = tell("done", progress);
    for (const auto& why : progress.given_up) complain(Error{"given_up", why});
    if (!progress.given_up.empty()) return failed;
    if (progress.failed > 0)
      return fail({"failed_again", how_many(progress.failed, "event") + " failed again, and " +
                                       (progress.failed == 1 ? "stays" : "stay") +
                                       " parked with all that is behind; `tidings dead-letters list --group " +
                                       arguments_.group + "` says why"});
    return printed;
  }

  int tell(const std::string& state, const DeadLetterProgress& progress) {
    if (common_.json)
      return print(JsonLine()
                       .add("group", arguments_.group)
                       .add("request", id_)
                       .add("action", drops_ ? "drop" : "redrive")
                       .add("state", state)
                       .add("events", meant_.events)
                       .add("keys", meant_.keys)
                       .add("redriven", progress.redriven)
                       .add("dropped", progress.dropped)
                       .add("failed", progress.failed)
                       .str() +
                   "\n");
    if (state == "nothing") return done;
    const auto what = how_many(meant_.events, "event") + " of " + how_many(meant_.keys, "key");
    if (state == "dry_run")
      return print("would " +
                   std::string(drops_ ? (arguments_.only_first ? "drop the first of " : "drop ") : "redrive ") + what +
                   "\n");
    if (state == "waiting") return print("asked for " + what + ", as request " + id_ + "\n");
    if (state == "begun") return print("begun with " + what + ", as request " + id_ + "\n");
    std::string out;
    if (progress.redriven > 0 || !drops_) out += how_many(progress.redriven, "event") + " redriven";
    if (progress.dropped > 0 || drops_)
      out += (out.empty() ? "" : ", ") + how_many(progress.dropped, "event") + " dropped";
    return print(out + "\n");
  }

  const Common& common_;
  const DeadLetterArguments& arguments_;
  const DeadLetterRequest request_;
  const bool drops_;
  const Duration deadline_;
  Meant meant_;
  std::string id_;
};

int drive(const Common& common, const DeadLetterArguments& arguments, DeadLetterRequest::Action action) {
  if (auto valid = check_names(common, "", arguments.group); !valid) return fail(valid.error());
  auto request = request_of(arguments);
  if (!request) return fail(request.error());
  request->action = action;
  auto deadline = parse_duration(arguments.deadline);
  if (!deadline) return fail(deadline.error());
  if (action == DeadLetterRequest::Action::drop && !arguments.all && !says_which(arguments)) {
    complain(
        "nothing brings back what is dropped: say which, by --key, --reason, --older-than or --newer-than, or --all");
    return wrong_usage;
  }
  catch_signals();
  auto broker = open(common, false);
  if (!broker) return fail(broker.error());
  auto groups = groups_with_letters(**broker, common, arguments.group);
  if (!groups) return fail(groups.error());
  Driving driving(common, arguments, *request, *deadline);
  if (groups->empty()) {
    complain("nothing was ever parked in group " + arguments.group);
    return done;
  }
  auto letters = DeadLetters::read(**broker, named(common, arguments.group));
  return letters ? driving.run(*letters) : fail(letters.error());
}

}  // namespace

int redrive(const Common& common, const DeadLetterArguments& arguments) {
  return drive(common, arguments, DeadLetterRequest::Action::redrive);
}

int drop(const Common& common, const DeadLetterArguments& arguments) {
  return drive(common, arguments, DeadLetterRequest::Action::drop);
}

}  // namespace tidings::cli
