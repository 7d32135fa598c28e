#include "commands.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "tidings/base/text.hpp"
#include "why_telling.hpp"

// `tidings why`: what became of an event, in every group of its topic.
namespace tidings::cli {

int why(const Common& common, const WhyArguments& arguments) {
  catch_signals();
  if (auto valid = check_names(common, ""); !valid) return fail(valid.error());
  auto broker = open(common, false);
  if (!broker) return fail(broker.error());
  const auto found = find_why(**broker, common, arguments);
  if (!found) return fail(found.error());
  if (caught_signal() != 0) return status_after_signals(done);
  for (const auto& [name, message] : found->unread)
    complain(printable(name) + " was not read whole: " + printable(message));
  if (!found->is_found())
    return fail({"not_found", "no event has the id '" + printable(arguments.id) + "' in what " +
                                  (found->unread.empty() ? "the topics keep" : "could be read of the topics")});
  return print(common.json ? why_json(*found, arguments.id) : why_text(*found, !arguments.stores.empty()));
}

}  // namespace tidings::cli
