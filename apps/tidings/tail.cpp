#include "commands.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "place.hpp"
#include "tailing.hpp"

namespace tidings::cli {

int tail(const Common& given, const TailArguments& arguments) {
  catch_signals();
  const auto with = with_showing(given);
  if (!with) return fail(with.error());
  const auto& common = *with;
  if (auto valid = check_names(common, arguments.topic, arguments.group); !valid) return fail(valid.error());
  if (!arguments.from.empty())
    if (auto valid = parse_place(arguments.from); !valid) return fail(valid.error());
  auto broker = open(common, false);
  if (!broker) return fail(broker.error());
  auto ended = Tailing(**broker, common, arguments).run();
  if (!ended && ended.error().code != "closed_pipe" && ended.error().code != "interrupted") return fail(ended.error());
  return status_after_signals(done);
}

}  // namespace tidings::cli
