#include <filesystem>

#include "commands.hpp"
#include "demo/run.hpp"
#include "demo/setup.hpp"
#include "demo/stores.hpp"
#include "demo/summary.hpp"
#include "demo/view.hpp"
#include "interrupt.hpp"
#include "output.hpp"

namespace tidings::cli {
namespace {

/// The lines after the first are what a service of ours wrote.
void complain_in_lines(const Error& error) {
  const auto text = to_string(error);
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    complain((begin == 0 ? "" : "  ") + text.substr(begin, end - begin));
    begin = end + 1;
  }
}

std::string among_schemas(const Stores& stores) {
  std::string text;
  const auto& schemas = stores.schemas();
  for (std::size_t at = 0; at < schemas.size(); ++at)
    text += (at == 0 ? ", and in the schemas " : at + 1 == schemas.size() ? " and " : ", ") + schemas[at];
  return text;
}

}  // namespace

int demo(const DemoArguments& arguments) {
  catch_signals();
  if (arguments.broker)
    if (auto usable = check_broker(*arguments.broker); !usable) return fail(usable.error());
  if (arguments.store)
    if (auto usable = check_store(*arguments.store); !usable) return fail(usable.error());
  auto setup = set_up(arguments);
  if (!setup) {
    complain(setup.error());
    return failed;
  }
  const auto& directory = setup->directory;
  auto stores = Stores::make(arguments.store, directory);
  // A URL that is wrong is wrong usage; a database that is away is none.
  const bool is_wrong_url = !stores && stores.error().code == "invalid_url";
  auto summary = stores ? Run(arguments, *setup, *stores).play() : Result<Summary>(stores.error());
  int status = done;
  if (!summary) {
    if (summary.error().code != "interrupted") complain_in_lines(summary.error());
    status = is_wrong_url ? wrong_usage : failed;
  } else {
    status = print(arguments.json ? to_json(*summary)
                                  : to_text(*summary, std::clamp<std::size_t>(terminal_room().columns, 40, 110)));
    if (!summary->differences.empty()) status = failed;
  }
  std::error_code not_empty;
  const bool is_nothing_there = !summary && setup->made_directory && std::filesystem::remove(directory, not_empty);
  const bool keeps = !arguments.keep.empty() || (status == failed && caught_signal() == 0);
  if (stores && (is_nothing_there || !keeps))
    if (auto removed = stores->remove(); !removed)
      complain("the run's schemas are left in the database: " + to_string(removed.error()));
  if (is_nothing_there)
    return status_after_signals(status);
  else if (!keeps)
    remove(directory, arguments.json);
  else if (!arguments.json)
    complain("everything is kept in " + directory + (stores ? among_schemas(*stores) : ""));
  return status_after_signals(status);
}

}  // namespace tidings::cli
